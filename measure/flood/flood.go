// Package flood is a driver for measurements: an instrument that says so many readings as fast as they are taken, and then nothing more. It stands where a
// sensor's driver would, so that all behind it does its whole work: conditioning, patterns, lanes, journal, link.
package flood

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"

	"fieldpost/drivers"
	"fieldpost/telemetry"
)

// Settings is the flood section of a device file.
type Settings struct {
	drivers.Detached `yaml:",inline"`
	// How many readings there are, over all metrics.
	Readings uint64 `yaml:"readings"`
}

// Kind returns the kind. It is in no catalogue: fieldpost-bench edge adds it.
func Kind() drivers.Kind {
	return drivers.Kind{
		Name:     "flood",
		Settings: func() drivers.Settings { return new(Settings) },
		New: func(_ drivers.Bus, devices []drivers.Device, _ *slog.Logger) (drivers.Driver, error) {
			d := &driver{device: devices[0], random: rand.New(rand.NewPCG(1, 2))}
			s, ok := d.device.Settings.(*Settings)
			if !ok || len(d.device.Metrics) == 0 {
				return nil, fmt.Errorf("device %s: a flood needs metrics", d.device.Name)
			}
			d.left = s.Readings
			for _, m := range d.device.Metrics {
				d.samples = append(d.samples, drivers.Sample{Metric: m.Name})
				d.values = append(d.values, 0)
			}
			return d, nil
		},
	}
}

// driver says a sample of each metric in each report. Values wander, by up to a hundred each time.
type driver struct {
	device  drivers.Device
	random  *rand.Rand
	left    uint64
	values  []int64
	samples []drivers.Sample
}

// Run is drivers.Driver.
func (d *driver) Run(ctx context.Context, emit drivers.Emit) error {
	for d.left > 0 && ctx.Err() == nil {
		n := min(uint64(len(d.samples)), d.left)
		for i := range d.samples[:n] {
			d.values[i] += d.random.Int64N(201) - 100
			d.samples[i].Value = telemetry.Int(d.values[i])
		}
		emit(drivers.Report{Device: d.device.Name, Samples: d.samples[:n]})
		d.left -= n
	}
	<-ctx.Done()
	return ctx.Err()
}
