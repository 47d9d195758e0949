package web

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"fieldpost/api"
	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
)

// fleet is a Selector with all abilities, in memory, whose nodes a test drives.
type fleet struct {
	mu       sync.Mutex
	nodes    map[string]*api.Node
	series   map[telemetry.Series]*api.Series
	readings []api.Reading
	events   []api.Event
	records  []api.Record
	changed  chan struct{}
}

var (
	_ api.FeedSelector  = (*fleet)(nil)
	_ api.EventSelector = (*fleet)(nil)
)

func newFleet() *fleet {
	return &fleet{nodes: map[string]*api.Node{}, series: map[telemetry.Series]*api.Series{}, changed: make(chan struct{})}
}

// add commits a reading and, with it, makes its node and series.
func (f *fleet) add(s telemetry.Series, unit string, at time.Time, v telemetry.Value) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.node(s.Node)
	live := &n.Lanes[1]
	live.Stored++
	live.Highest++
	r := api.Reading{
		Reading: telemetry.Reading{Series: s, Time: telemetry.TimeOf(at), Value: v}, Unit: unit,
		Epoch: live.Epoch, Lane: telemetry.Live, Seq: live.Highest, StoredAt: telemetry.TimeOf(time.Now()),
	}
	point := &api.Point{Time: r.Time, Value: v}
	known := f.series[s]
	if known == nil {
		known = &api.Series{Series: s, Unit: unit, Kind: v.Kind(), First: point}
		f.series[s] = known
	}
	known.Last = point
	f.readings = append(f.readings, r)
	f.commit(api.Record{Reading: &r})
}

// raise commits an event.
func (f *fleet) raise(node string, e telemetry.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	alarm := &f.node(node).Lanes[0]
	alarm.Stored++
	alarm.Highest++
	stored := api.Event{Event: e, Node: node, Epoch: alarm.Epoch, Lane: telemetry.Alarm, Seq: alarm.Highest, StoredAt: telemetry.TimeOf(time.Now())}
	f.events = append(f.events, stored)
	f.commit(api.Record{Event: &stored})
}

// change alters what is known of a node.
func (f *fleet) change(node string, how func(*api.Node)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how(f.node(node))
}

// node is called with f.mu held.
func (f *fleet) node(name string) *api.Node {
	n := f.nodes[name]
	if n == nil {
		n = &api.Node{Node: name, Online: true, Lanes: []api.Lane{{Lane: telemetry.Alarm, Epoch: 1}, {Lane: telemetry.Live, Epoch: 1}}}
		f.nodes[name] = n
	}
	if n.Online {
		n.LastSeen = telemetry.TimeOf(time.Now())
	}
	return n
}

func (f *fleet) commit(r api.Record) {
	r.Position = uint64(len(f.records)) + 1
	f.records = append(f.records, r)
	close(f.changed)
	f.changed = make(chan struct{})
}

// miss says that the last n numbers of a node's live lane have not come.
func miss(n uint64) func(*api.Node) {
	return func(node *api.Node) {
		live := &node.Lanes[1]
		live.Missing = ranges.Set{}
		if n > 0 {
			live.Missing.Add(ranges.Range{From: live.Highest + 1, To: live.Highest + n})
		}
	}
}

func (f *fleet) Nodes(context.Context) ([]api.Node, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []api.Node
	for _, name := range slices.Sorted(maps.Keys(f.nodes)) {
		n := *f.nodes[name]
		n.Lanes = slices.Clone(n.Lanes)
		out = append(out, n)
	}
	return out, nil
}

func passes(q api.Filter, s telemetry.Series) bool {
	return (q.Node == "" || q.Node == s.Node) && (q.Device == "" || q.Device == s.Device) && (q.Metric == "" || q.Metric == s.Metric)
}

func (f *fleet) Series(_ context.Context, q api.Filter) ([]api.Series, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []api.Series
	for s, known := range f.series {
		if passes(q, s) {
			out = append(out, *known)
		}
	}
	slices.SortFunc(out, func(a, b api.Series) int {
		return slices.Compare([]string{a.Node, a.Device, a.Metric}, []string{b.Node, b.Device, b.Metric})
	})
	return out, nil
}

func (f *fleet) Readings(_ context.Context, q api.Query) iter.Seq2[api.Reading, error] {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []api.Reading
	for _, r := range f.readings {
		if passes(q.Filter, r.Series) && r.Time >= q.From && r.Time < q.To {
			out = append(out, r)
		}
	}
	return ordered(out, q.Descending, func(r *api.Reading) api.Cursor { return r.Cursor() })
}

func (f *fleet) Events(_ context.Context, q api.EventQuery) iter.Seq2[api.Event, error] {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []api.Event
	for _, e := range f.events {
		if passes(api.Filter{Node: q.Node, Device: q.Device}, telemetry.Series{Node: e.Node, Device: e.Device}) && e.Time >= q.From && e.Time < q.To {
			out = append(out, e)
		}
	}
	return ordered(out, q.Descending, func(e *api.Event) api.Cursor { return e.Cursor() })
}

func ordered[T any](all []T, descending bool, cursor func(*T) api.Cursor) iter.Seq2[T, error] {
	slices.SortStableFunc(all, func(a, b T) int {
		if descending {
			a, b = b, a
		}
		return cursor(&a).Compare(cursor(&b))
	})
	return func(yield func(T, error) bool) {
		for _, x := range all {
			if !yield(x, nil) {
				return
			}
		}
	}
}

func (f *fleet) Feed(_ context.Context, after uint64, limit int) ([]api.Record, uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if after >= uint64(len(f.records)) {
		return nil, after, nil
	}
	out := f.records[after:min(after+uint64(limit), uint64(len(f.records)))]
	return slices.Clone(out), after + uint64(len(out)), nil
}

func (f *fleet) Latest() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return uint64(len(f.records))
}

func (f *fleet) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

// instrument is a device whose metrics follow a formula of the time.
type instrument struct {
	node, device string
	metrics      []quantity
}

type quantity struct {
	name, unit string
	at         func(t float64) telemetry.Value // seconds
}

func wave(middle, height, period float64) func(float64) telemetry.Value {
	return func(t float64) telemetry.Value {
		rough := math.Sin(t*1.7+middle) * math.Sin(t*0.61) * height * 0.12
		return telemetry.Float(math.Round((middle+height*math.Sin(2*math.Pi*t/period)+rough)*100) / 100)
	}
}

func instruments() []instrument {
	return []instrument{
		{"pump-house", "pump", []quantity{
			{"bearing_temperature", "Cel", wave(62, 24, 240)},
			{"flow", "l/min", wave(340, 22, 90)},
			{"vibration", "mm/s", wave(2.4, 0.9, 35)},
			{"running", "", func(t float64) telemetry.Value { return telemetry.Bool(math.Mod(t, 150) > 40) }},
		}},
		{"pump-house", "meter", []quantity{
			{"voltage", "V", wave(230.5, 1.8, 60)},
			{"current", "A", wave(8.4, 2.5, 110)},
			{"power", "W", wave(1936, 570, 110)},
			{"energy", "Wh", func(t float64) telemetry.Value { return telemetry.Int(int64(t/2) % 10_000_000) }},
		}},
		{"boat-2", "gps", []quantity{
			{"speed", "m/s", wave(4.2, 1.3, 75)},
			{"course", "deg", wave(184, 30, 200)},
			{"fix", "", func(float64) telemetry.Value { return telemetry.Text("3D, 9 satellites") }},
		}},
		{"boat-2", "weather", []quantity{
			{"temperature", "Cel", wave(14.2, 0.8, 300)},
			{"humidity", "%RH", wave(71, 5, 180)},
			{"pressure", "hPa", wave(1012.4, 0.7, 400)},
			{"wind_speed", "m/s", wave(7.5, 3, 48)},
		}},
	}
}

// sample adds what in measures at.
func (f *fleet) sample(in instrument, at time.Time) {
	for _, q := range in.metrics {
		f.add(telemetry.Series{Node: in.node, Device: in.device, Metric: q.name}, q.unit, at, q.at(float64(at.UnixMilli())/1000))
	}
}

// past fills six minutes before now, a reading a second, with a gap of boat-2's and an alarm of the pump's.
func (f *fleet) past(now time.Time) {
	for ago := 6 * time.Minute; ago > 0; ago -= time.Second {
		for _, in := range instruments() {
			if in.node == "boat-2" && ago > 90*time.Second && ago < 140*time.Second {
				continue
			}
			f.sample(in, now.Add(-ago))
		}
	}
	f.change("pump-house", func(n *api.Node) { n.Labels = map[string]string{"site": "river"} })
	f.change("boat-2", func(n *api.Node) { n.Labels = map[string]string{"crew": "north"} })
	f.overheat(telemetry.Raised, now.Add(-200*time.Second))
	f.overheat(telemetry.Cleared, now.Add(-130*time.Second))
}

func (f *fleet) overheat(state telemetry.State, at time.Time) {
	e := telemetry.Event{Device: "pump", Pattern: "overheat", State: state, Severity: telemetry.Critical, Time: telemetry.TimeOf(at)}
	e.Message = fmt.Sprintf("bearing at %.1f °C", 81.4)
	f.raise("pump-house", e)
}

// run samples all instruments of the nodes that are online, a few times a second, until ctx ends.
func (f *fleet) run(ctx context.Context) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case at := <-tick.C:
			for _, in := range instruments() {
				online := false
				f.change(in.node, func(n *api.Node) { online = n.Online })
				if online {
					f.sample(in, at)
				}
			}
		case <-ctx.Done():
			return
		}
	}
}
