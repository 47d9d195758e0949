// Package recordings holds short cuts of real recordings, for instruments to play. README.md says whose they are.
package recordings

import _ "embed"

//go:embed nab_machine.csv
var machine string

//go:embed occupancy.csv
var office string

// Machine returns 33 hours of a machine's temperature, one reading every 5 minutes, with a planned shutdown in them.
func Machine() string { return machine }

// Office returns 105 minutes of an office's air, one set of readings a minute, and whether somebody was there.
func Office() string { return office }
