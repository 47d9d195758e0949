// Package sim is the driver for instruments that do not exist: it makes values up, so that an edge, its patterns and its links can be
// tried without hardware. It stands where an instrument and its driver would, in front of the edge's pipeline.
//
// Values are a function of the seed, the device, the metric and the number of the sample, never of the clock: sample 17 is the same on
// every machine and after every start. Times in the settings count as many samples as intervals fit into them. What each metric draws is its own: another
// metric, or another impairment of the same one, changes nothing else.
//
// A metric begins with its shape and then suffers what real sensors do, in this order:
//
//	shape      sine, square, step, walk, counter or constant: see Address
//	drift      grows by so much an hour, for ever, as an ageing sensor's zero does
//	noise      normally distributed, with this standard deviation, new for each sample
//	spikes     chance per sample that a disturbance on the wire throws it off by one to three times the range, up or down
//	stuck      chance per sample that the sensor hangs and repeats that sample 5 to 60 times
//	dropouts   chance per sample that the metric begins to be missing, for 1 to 30 samples
//
// None of this touches the quality: a sensor that is wrong seldom knows. Samples of which every metric is missing are not reported, so
// that a device can fall silent. What is read is the instrument's, so scale, offset and valid work on it as on a real one.
//
// The instrument has no clock unless stamp says so. Then samples carry its time, and clock_step makes that clock jump ahead and back again.
//
// Samples are taken at times that are spread over the interval by a hash of the device's name: many devices do not speak at once, and each keeps its
// place over restarts.
package sim

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"fieldpost/configs/setting"
	"fieldpost/drivers"
)

// Kind returns the catalogue entry.
func Kind() drivers.Kind {
	return drivers.Kind{
		Name:     "sim",
		Settings: func() drivers.Settings { return &Settings{Interval: setting.Duration(time.Second)} },
		Address:  func() any { return &Address{Decimals: DefaultDecimals} },
		New:      newDriver,
	}
}

func newDriver(_ drivers.Bus, devices []drivers.Device, _ *slog.Logger) (drivers.Driver, error) {
	if len(devices) != 1 {
		return nil, fmt.Errorf("sim: %d devices; each has a driver of its own", len(devices))
	}
	d := devices[0]
	s, ok := d.Settings.(*Settings)
	if !ok {
		return nil, fmt.Errorf("device %s: settings are %T, not those of sim", d.Name, d.Settings)
	}
	if s.Interval.Go() < minInterval {
		return nil, fmt.Errorf("device %s: interval %s: use %v or more", d.Name, s.Interval, minInterval)
	}
	if len(d.Metrics) == 0 {
		return nil, fmt.Errorf("device %s: a sim needs metrics: what it is to make up", d.Name)
	}
	dr := &driver{device: d.Name, settings: *s, samples: make([]drivers.Sample, 0, len(d.Metrics))}
	var problems []error
	for _, m := range d.Metrics {
		a, ok := m.Address.(*Address)
		if !ok {
			return nil, fmt.Errorf("device %s: address of metric %s is %T, not one of sim", d.Name, m.Name, m.Address)
		}
		if err := a.check(m); err != nil {
			problems = append(problems, err)
			continue
		}
		dr.sources = append(dr.sources, newSource(s, d.Name, m, *a))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("device %s: %w", d.Name, err)
	}
	return dr, nil
}
