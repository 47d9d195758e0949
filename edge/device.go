package edge

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"fieldpost/drivers"
	"fieldpost/edge/clock"
	"fieldpost/edge/lane"
	"fieldpost/edge/pattern"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// device is the pipeline of one device and what is known of its health.
type device struct {
	settings DeviceSettings
	driver   string
	bus      string
	book     *lane.Book
	log      *slog.Logger

	feed    sync.Mutex    // one report at a time; held while the journal pushes back, which mu never is
	regime  *clock.Regime // of the last report
	scratch [len(lanesOfReadings)][]frame.Record
	events  []telemetry.Event // of the last report

	mu        sync.Mutex
	patterns  *pattern.Set
	metrics   map[string]*quantity
	order     []string // of metrics, as the file has them
	readings  uint64
	reduced   uint64 // of these, held back by a deadband
	errors    uint64
	lastErr   string
	lastErrAt time.Time
	failing   bool           // the last report was an error: said once
	lastAt    telemetry.Time // wall clock of the last reading
	lastMono  int64          // monotonic clock of the last reading, or of the start
	last      map[string]telemetry.Reading
}

// resolution is what arrival times are cut to. A serial line and the scheduler give no more than a millisecond, and the digits
// below it would be noise that every reading pays for on the link. Times that instruments send are kept as they are.
const resolution = telemetry.Time(time.Millisecond)

var lanesOfReadings = [...]telemetry.Lane{telemetry.Live, telemetry.Bulk, telemetry.Archive}

func newDevice(d Device, b *bus, book *lane.Book) (*device, error) {
	dev := &device{
		settings: d.DeviceSettings, driver: b.kind, bus: b.name, book: book, log: b.log.With("device", d.Device),
		metrics: make(map[string]*quantity, len(d.Metrics)), last: map[string]telemetry.Reading{}, lastMono: book.Clock().Mono(),
	}
	for _, s := range d.Metrics {
		if _, err := dev.add(s); err != nil {
			return nil, err
		}
	}
	var problems []pattern.Problem
	if dev.patterns, problems = d.patterns(); len(problems) > 0 {
		p := problems[0]
		return nil, fmt.Errorf("device %s: pattern %s: %s: %s", d.Device, d.Patterns[p.Pattern].Name, p.Key, p.Message)
	}
	return dev, nil
}

// add makes a metric known. The caller holds mu or is alone.
func (d *device) add(s MetricSettings) (*quantity, error) {
	id, err := d.book.Describe(lane.Description{
		Device: d.settings.Device, Metric: s.Name, Unit: s.Unit, Kind: s.Kind(), Round: s.rounding(), Labels: d.settings.Labels,
	})
	if err != nil {
		return nil, err
	}
	m := newQuantity(s, id)
	d.metrics[s.Name] = m
	d.order = append(d.order, s.Name)
	return m, nil
}

// take turns a report into readings and queues them in their lanes.
func (d *device) take(ctx context.Context, r drivers.Report) {
	d.feed.Lock()
	defer d.feed.Unlock()
	now, regime := d.book.Clock().Now()
	mono := int64(now) - regime.Offset
	if regime != d.regime {
		d.settle(ctx)
		d.regime = regime
	}
	d.condition(r, now-now%resolution, mono)
	d.tell(ctx, regime)
	d.queue(ctx, regime)
}

// tell puts what the patterns made of the last report into the alarm lane, ahead of its readings. The caller holds feed.
func (d *device) tell(ctx context.Context, regime *clock.Regime) {
	for _, e := range d.events {
		said := "pattern raised"
		if e.State == telemetry.Cleared {
			said = "pattern cleared"
		}
		d.log.Info(said, "pattern", e.Pattern, "severity", e.Severity.String(), "message", e.Message)
		tell(ctx, d.book, d.log, regime, e)
	}
}

// queue queues what is in scratch, all taken under regime, in its lanes. The caller holds feed.
func (d *device) queue(ctx context.Context, regime *clock.Regime) {
	for i, l := range lanesOfReadings {
		if len(d.scratch[i]) == 0 {
			continue
		}
		if err := d.book.Add(ctx, l, regime, d.scratch[i]); err != nil {
			d.mu.Lock()
			d.trouble(fmt.Sprintf("%d readings not taken: %v", len(d.scratch[i]), err))
			d.mu.Unlock()
		}
	}
}

// condition turns a report into records in scratch and notes what it says of the device.
func (d *device) condition(r drivers.Report, now telemetry.Time, mono int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clear()
	d.events = nil
	if r.Err != nil {
		d.trouble(r.Err.Error())
		if !d.failing && len(r.Samples) == 0 {
			d.failing = true
			d.log.Warn("telegram not understood; counted from here on, see status", "err", r.Err)
		}
	}
	if len(r.Samples) == 0 {
		return
	}
	d.failing = d.failing && r.Err != nil
	for _, s := range r.Samples {
		d.sample(s, now, mono)
	}
	d.events = d.patterns.Step(now, mono)
	d.lastAt, d.lastMono = now, mono
}

func (d *device) trouble(what string) {
	d.errors++
	d.lastErr, d.lastErrAt = what, time.Now()
}

// sample conditions one sample into the scratch of its lane.
func (d *device) sample(s drivers.Sample, now telemetry.Time, mono int64) {
	m := d.metrics[s.Metric]
	if m == nil { // a name that no file declares is a new series
		var settings MetricSettings
		settings.SetDefaults()
		settings.Name, settings.Type = s.Metric, s.Value.Kind().String()
		var err error
		if m, err = d.add(settings); err != nil {
			d.trouble(err.Error())
			return
		}
	}
	value, quality := m.condition(s.Value, s.Quality)
	rec := frame.Record{Series: uint32(m.series), Time: now, Value: value, Quality: quality}
	if s.Time != 0 {
		rec.Time, rec.Stamped = s.Time, true
	}
	d.readings++
	reading := telemetry.Reading{Time: rec.Time, Value: value, Quality: quality}
	d.last[s.Metric] = reading
	d.patterns.Observe(s.Metric, reading)
	d.route(m, rec, mono)
}

// quiet returns for how long nothing came.
func (d *device) quiet(mono int64) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Duration(mono - d.lastMono)
}

// heard reports whether anything came since the start.
func (d *device) heard() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.readings > 0
}
