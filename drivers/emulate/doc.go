// Package emulate holds instruments that speak over a real pty or socket, for the demo and for tests. It stands where the hardware would.
package emulate

import "time"

// patience is how long an instrument waits for the line to take what it says. A UART does not wait at all.
const patience = time.Second
