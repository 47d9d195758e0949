// Package configs holds what Fieldpost is configured by: examples to begin with, and a corpus of good and bad files with the messages that they
// give. The code is in the packages below it: setting (types for settings structs), strict (YAML with every problem at once), schema (for editors), and one
// package per form of file, so that the edge links nothing of the gateway.
package configs
