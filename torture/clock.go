package torture

import (
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

// setClock has the edges' wall clocks stand off the right time by this much, with somebody to vouch for them or without.
// The file is what fieldpost-bench edge -clock reads.
func (w *world) setClock(vouched bool, off time.Duration) error {
	state := "unset"
	if vouched {
		state = "sync"
	}
	to := w.site.clock()
	if err := os.WriteFile(to+".new", fmt.Appendf(nil, "%s %s\n", state, off), 0o600); err != nil {
		return err
	}
	return os.Rename(to+".new", to)
}

// stepClock draws what the clock does next.
func (w *world) stepClock(r *rand.Rand) error {
	const year = 365 * 24 * time.Hour
	switch r.IntN(8) {
	case 0:
		return w.setClock(true, time.Hour)
	case 1:
		return w.setClock(true, -time.Hour)
	case 2:
		return w.setClock(true, year)
	case 3:
		return w.setClock(true, -year)
	case 4:
		return w.setClock(false, year)
	case 5:
		return w.setClock(false, -time.Since(time.Unix(0, 0))) // 1970
	}
	return w.setClock(true, 0)
}
