//go:build !linux

package mqtt

import "syscall"

// tune does nothing where the options of tune_linux.go are not known.
func tune(_, _ string, _ syscall.RawConn) error { return nil }
