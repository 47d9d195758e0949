package measure

import (
	"context"
	"fmt"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// PeerReport is what Mosquitto's bridge gave on the same way: from a client beside the near broker to a subscriber of the far one.
type PeerReport struct {
	Readings int     `json:"readings"`
	Arrived  int     `json:"arrived"`
	Seconds  float64 `json:"seconds"` // until the last that arrived
	Near     Process `json:"near"`
	Far      Process `json:"far"`
}

// Rate returns readings a second that arrived.
func (r PeerReport) Rate() float64 { return float64(r.Arrived) / r.Seconds }

// PeerStream has Mosquitto and its bridge carry so many readings, a JSON message each at QoS 1, from the memory of one to that of the other: neither writes anything to a
// disk, and no limit on queues keeps any back.
func PeerStream(ctx context.Context, readings int) (r PeerReport, err error) {
	r.Readings = readings
	var b bridge
	defer b.close()
	if err := b.open(ctx, 18980, false, ""); err != nil {
		return r, fmt.Errorf("measure Mosquitto's bridge: %w; it wrote:\n%s", err, &b.log)
	}
	begin := time.Now()
	const under = 2000 // publications not confirmed yet
	tokens := make(chan paho.Token, under)
	failed := make(chan error, 1)
	go func() {
		var err error
		for t := range tokens {
			if t.Wait(); t.Error() != nil && err == nil {
				err = t.Error()
			}
		}
		failed <- err
	}()
	for n := range readings {
		tokens <- b.publish(n%metricsAtOnce, float64(n%10000)/100)
	}
	close(tokens)
	if err := <-failed; err != nil {
		return r, fmt.Errorf("publish to Mosquitto: %w", err)
	}
	// What does not arrive any more is lost: nothing came for five seconds.
	last, at := b.came.Load(), time.Now()
	for quiet := 0; quiet < 500 && last < int64(readings); quiet++ {
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return r, err
		}
		if now := b.came.Load(); now != last {
			last, at, quiet = now, time.Now(), 0
		}
	}
	r.Arrived, r.Seconds = int(last), at.Sub(begin).Seconds()
	r.Near, r.Far = process(b.nearby.Pid()), process(b.there.Pid())
	return r, nil
}
