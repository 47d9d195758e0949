package serialport

// For tests of what needs a system that is not this one.
var (
	Plugged    = plugged
	LockHolder = lockHolder
	FileHolder = fileHolder
	Explain    = explain
)
