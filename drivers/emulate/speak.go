package emulate

import (
	"context"
	"io"
	"time"
)

// speak writes a telegram at once and then one each period, until ctx ends. An instrument does not care whether it is
// heard: what out does not take is lost, and the next telegram comes at its time.
func speak(ctx context.Context, out io.Writer, period time.Duration, telegram func() []byte) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for ctx.Err() == nil {
		_, _ = out.Write(telegram())
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}
