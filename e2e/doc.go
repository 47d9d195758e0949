// Package e2e tests the built binaries from outside: processes, sockets, serial lines (ptys) and HTTP, as a user meets them.
package e2e
