package sim

import (
	"context"
	"time"

	"fieldpost/drivers"
	"fieldpost/telemetry"
)

// driver makes samples at their times.
type driver struct {
	device   string
	settings Settings
	sources  []*source
	n        int64 // of the next sample; counts on over calls of Run
	samples  []drivers.Sample
}

// Run implements drivers.Driver. There is nothing that could fail.
func (d *driver) Run(ctx context.Context, emit drivers.Emit) error {
	interval := d.settings.Interval.Go()
	first := time.NewTimer(untilTurn(time.Now(), interval, d.device))
	defer first.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-first.C:
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := ctx.Err(); err != nil { // where a tick is due as well
			return err
		}
		d.sample(time.Now(), emit)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// sample makes the next sample of every metric.
func (d *driver) sample(now time.Time, emit drivers.Emit) {
	n := d.n
	d.n++
	var at telemetry.Time
	if d.settings.Stamp {
		at = telemetry.TimeOf(now.Add(d.clockError(n)))
	}
	d.samples = d.samples[:0]
	for _, s := range d.sources {
		if v, ok := s.next(n); ok {
			d.samples = append(d.samples, drivers.Sample{Metric: s.metric.Name, Value: v, Time: at})
		}
	}
	if len(d.samples) > 0 {
		emit(drivers.Report{Device: d.device, Samples: d.samples})
	}
}

// clockError returns how far the instrument's clock is ahead at sample n.
func (d *driver) clockError(n int64) time.Duration {
	c := d.settings.ClockStep
	if c == nil {
		return 0
	}
	every := max(1, int64(c.Every.Go()/d.settings.Interval.Go()))
	if n/every%2 == 0 {
		return 0
	}
	return c.By.Go()
}

// untilTurn returns how long it is from now to the device's place in the interval.
func untilTurn(now time.Time, interval time.Duration, device string) time.Duration {
	place := time.Duration(hash(device) % uint64(interval))
	since := time.Duration(now.UnixNano()) % interval
	if since < 0 {
		since += interval // a clock before 1970
	}
	return (place - since + interval) % interval
}
