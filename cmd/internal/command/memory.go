package command

import (
	"os"
	"runtime/debug"
)

// Frugal has the garbage collector keep less: half of what is in use may be garbage, where Go's default lets as much lie about again. On a board with 512 MB
// that is worth more than the processor time, of which an edge takes a fifth of a microsecond a reading either way. GOGC in the environment counts for more.
func Frugal() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}
