package edge

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"time"

	"fieldpost/configs/setting"
	"fieldpost/drivers"
	"fieldpost/edge/reduce"
	"fieldpost/telemetry"
)

// How often a node reports on itself.
const (
	DefaultHealth = setting.DurationOrOff(time.Minute)
	MinHealth     = setting.DurationOrOff(time.Second)
)

// nodeMetric is a metric of device node. All are in lane bulk: the fleet's health is nothing that the readings should wait for. Each has a
// deadband, so that a node at rest says little more than one thing each every ten minutes: on a metered link its health must not cost more than its work.
type nodeMetric struct {
	name, unit string
	kind       telemetry.Kind
	band       reduce.Band
}

// counting is the band of what only ever rises: a new reading when it has doubled, else at max_silence.
var counting = reduce.Band{Width: 100, Percent: true}

// nodeMetrics lists the metrics of device node but for those of its links.
func nodeMetrics() []nodeMetric {
	const (
		number  = telemetry.KindFloat
		integer = telemetry.KindInt
	)
	percent := func(w float64) reduce.Band { return reduce.Band{Width: w, Percent: true} }
	return []nodeMetric{
		{"cpu_temperature", "Cel", number, reduce.Band{Width: 2}},
		{"load", "", number, reduce.Band{Width: 0.5}}, // processes that run or wait to, over a minute
		{"memory_available", "B", integer, percent(10)},
		{"uptime", "s", integer, counting}, // of the machine
		{"disk_free", "B", integer, percent(1)},
		{"written", "B", integer, counting}, // to disk by this process, since it started
		{"journal_size", "B", integer, percent(1)},
		{"archive_size", "B", integer, percent(1)},
		{"backlog_alarm", "count", integer, reduce.Band{}}, // records that no gateway has yet
		{"backlog_live", "count", integer, reduce.Band{Width: 100}},
		{"backlog_bulk", "count", integer, reduce.Band{Width: 100}},
		{"clock", "", telemetry.KindText, reduce.Band{}}, // unset, floor, local or sync
	}
}

// linkMetricNames names the two counters of a link's bytes. Links whose names differ in no letter or digit share them.
func linkMetricNames(link string) (received, sent string) {
	word := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(link))
	const before, after = "link_", "_received"
	word = before + word[:min(len(word), telemetry.MaxName-len(before)-len(after))]
	return word + after, word + "_sent"
}

// self is the driver of device node.
type self struct {
	edge    *Edge
	every   time.Duration
	machine machine
	known   map[string]bool // metrics that the device has
}

// selfSettings are no settings: device node has no file.
type selfSettings struct{ drivers.Attachment }

// nodeLine returns the bus on which e itself is the only device. It goes through supervision and pipeline as all others do.
func (e *Edge) nodeLine() Line {
	root := e.config.Root
	if root == "" {
		root = "/"
	}
	s := &self{edge: e, every: e.config.Health.Go(), machine: machine{root: root, dir: e.config.Journal.Dir}, known: map[string]bool{}}
	d := Device{DeviceSettings: DeviceSettings{Device: NodeDevice}, Driver: selfSettings{}}
	for _, m := range s.metrics() {
		var settings MetricSettings
		settings.SetDefaults()
		settings.Name, settings.Unit, settings.Type, settings.Deadband = m.name, m.unit, m.kind.String(), &m.band
		settings.Lane = telemetry.Bulk.String()
		d.Metrics = append(d.Metrics, settings)
		s.known[m.name] = true
	}
	return Line{
		Bus: drivers.Bus{Name: NodeDevice},
		Kind: drivers.Kind{
			Name:     NodeDevice,
			Settings: func() drivers.Settings { return selfSettings{} },
			New:      func(drivers.Bus, []drivers.Device, *slog.Logger) (drivers.Driver, error) { return s, nil },
		},
		Devices: []Device{d},
	}
}

// metrics returns those that this node has.
func (s *self) metrics() []nodeMetric {
	_, err := s.machine.temperature()
	cool := errors.Is(err, fs.ErrNotExist)
	all := slices.DeleteFunc(nodeMetrics(), func(m nodeMetric) bool {
		return m.name == "cpu_temperature" && cool || m.name == "archive_size" && !s.edge.book.Archiving()
	})
	for _, l := range s.edge.config.Links {
		received, sent := linkMetricNames(l.Name)
		for _, name := range []string{received, sent} {
			if !slices.ContainsFunc(all, func(m nodeMetric) bool { return m.name == name }) {
				all = append(all, nodeMetric{name, "B", telemetry.KindInt, counting})
			}
		}
	}
	return all
}

// Run is drivers.Driver.
func (s *self) Run(ctx context.Context, emit drivers.Emit) error {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		r := drivers.Report{Device: NodeDevice}
		r.Samples, r.Err = s.machine.samples()
		r.Samples = append(r.Samples, s.journal()...)
		r.Samples = append(r.Samples, s.links()...)
		r.Samples = slices.DeleteFunc(r.Samples, func(x drivers.Sample) bool { return !s.known[x.Metric] })
		emit(r)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// journal says how the lanes and the clock stand.
func (s *self) journal() []drivers.Sample {
	st := s.edge.book.Status()
	out := []drivers.Sample{
		{Metric: "journal_size", Value: telemetry.Int(st.Size)},
		{Metric: "clock", Value: telemetry.Text(s.edge.book.Clock().Regime().State.String())},
	}
	for _, l := range st.Lanes {
		if l.Lane == telemetry.Archive.String() { // it waits for a question, so nothing of it is behind
			out = append(out, drivers.Sample{Metric: "archive_size", Value: telemetry.Int(l.Size)})
			continue
		}
		out = append(out, drivers.Sample{Metric: "backlog_" + l.Lane, Value: telemetry.Int(int64(l.Waiting))})
	}
	return out
}

// links counts the bytes of each link, as its socket saw them.
func (s *self) links() (out []drivers.Sample) {
	add := func(metric string, n uint64) {
		i := slices.IndexFunc(out, func(x drivers.Sample) bool { return x.Metric == metric })
		if i < 0 {
			i, out = len(out), append(out, drivers.Sample{Metric: metric, Value: telemetry.Int(0)})
		}
		out[i].Value = telemetry.Int(out[i].Value.Int() + int64(n))
	}
	for _, l := range s.edge.sessions {
		st := l.Status()
		received, sent := linkMetricNames(st.Link)
		add(received, st.In.Socket)
		add(sent, st.Out.Socket)
	}
	return out
}
