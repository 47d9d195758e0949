package history_test

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"testing"

	"fieldpost/api"
	"fieldpost/history"
	"fieldpost/journal"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/wire"
)

const second = telemetry.Time(1e9)

var everything = api.Query{From: -1 << 63, To: 1<<63 - 1}

// shelf is a journal with its reader, and what was put into it.
type shelf struct {
	t           testing.TB
	dir         string
	id          uint8
	clock       history.Clock
	series      *history.Catalogue
	journal     *journal.Journal
	reader      *history.Reader
	table       *frame.Table
	segmentSize int64
	next        map[string]uint64 // by node: sequence
	all         []api.Reading     // what a query for everything must yield, in no order
	events      []api.Event
}

func newShelf(t testing.TB, id uint8, series *history.Catalogue, clock history.Clock) *shelf {
	s := &shelf{t: t, dir: t.TempDir(), table: table, segmentSize: 64 << 10, id: id, clock: clock, series: series, next: map[string]uint64{}}
	s.open()
	return s
}

func (s *shelf) open() {
	s.t.Helper()
	var err error
	if s.journal, _, err = journal.Open(s.dir, journal.Options{Binding: "test", SegmentSize: s.segmentSize}); err != nil {
		s.t.Fatal(err)
	}
	s.reader, err = history.Open(history.Options{
		ID: s.id, Dir: s.dir, Journal: s.journal, Catalogue: s.series, Clock: s.clock, Marked: true, Blocks: true, Stretch: 16 << 10,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	j := s.journal
	s.t.Cleanup(func() {
		if err := j.Close(); err != nil {
			s.t.Error(err)
		}
	})
}

// reopen closes all files and opens them again, over another catalogue.
func (s *shelf) reopen(series *history.Catalogue) {
	s.t.Helper()
	if err := s.journal.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.series = series
	s.open()
}

var (
	boot1     = telemetry.Boot{Ordinal: 1, ID: 11}
	bootTable = map[telemetry.Boot]wire.Boot{boot1: {Boot: boot1, Clock: telemetry.ClockSync, Offset: int64(4990 * second)}}
)

// table has the series boiler/temperature, boiler/temperature_mean (derived), and pump/running.
var table = &frame.Table{
	Labels: map[string]string{"site": "north"},
	Devices: []frame.Device{
		{Name: "boiler", Labels: map[string]string{"room": "b12"}, Metrics: []frame.Metric{
			{Name: "temperature", Unit: "Cel", Kind: telemetry.KindFloat},
			{Name: "temperature_mean", Unit: "Cel", Kind: telemetry.KindFloat, Derived: true},
		}},
		{Name: "pump", Metrics: []frame.Metric{{Name: "running", Kind: telemetry.KindBool}}},
	},
}

const (
	temperature = iota
	temperatureMean
	running
)

func encodeTable(t testing.TB, table *frame.Table) []byte {
	t.Helper()
	b, err := table.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// put stores recs as a frame of node, and notes what is to come out.
func (s *shelf) put(h frame.Header, mark telemetry.Time, recs ...frame.Record) {
	s.t.Helper()
	encoded := encodeTable(s.t, s.table)
	decoded, err := history.ParseTable(encoded)
	if err != nil {
		s.t.Fatal(err)
	}
	h.Epoch, h.Lane, h.Table = cmp.Or(h.Epoch, 7), telemetry.Lane(s.id), decoded.Hash
	if h.First = s.next[h.Node]; h.First == 0 {
		h.First = 1
	}
	s.next[h.Node] = h.First + uint64(len(recs))
	data, err := frame.Encode(nil, h, recs)
	if err != nil {
		s.t.Fatal(err)
	}
	e := []journal.Entry{{Count: uint32(len(recs)), Mark: uint64(mark), Data: data, Blobs: []journal.Blob{{Key: decoded.Hash, Data: encoded}}}}
	if err := s.journal.Append(e...); err != nil {
		s.t.Fatal(err)
	}
	if h, err = frame.ParseHeader(data); err != nil {
		s.t.Fatal(err)
	}
	s.reader.AddEntry(e[0], h, decoded, history.Spans(recs))
	for i, r := range recs {
		info := decoded.Series[r.Series]
		s.all = append(s.all, api.Reading{
			Reading: telemetry.Reading{
				Series: telemetry.Series{Node: h.Node, Device: info.Device, Metric: info.Name}, Time: r.Time, Value: r.Value, Quality: r.Quality,
			},
			Unit: info.Unit, Epoch: h.Epoch, Lane: h.Lane, Seq: h.First + uint64(i), ClockUnset: h.Clock.Doubtful() && !r.Stamped, StoredAt: mark,
		})
	}
}

// answer is what a query must yield, worked out the simple way.
func answer(all []api.Reading, q api.Query) []api.Reading {
	var out []api.Reading
	for _, r := range all {
		derived := r.Series.Metric == "temperature_mean"
		if r.Time < q.From || r.Time >= q.To || q.Node != "" && q.Node != r.Series.Node || q.Device != "" && q.Device != r.Series.Device ||
			q.Metric != "" && q.Metric != r.Series.Metric || q.Metric == "" && derived {
			continue
		}
		if q.After != nil {
			if n := r.Cursor().Compare(*q.After); n == 0 || n < 0 != q.Descending {
				continue
			}
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b api.Reading) int {
		if q.Descending {
			return b.Cursor().Compare(a.Cursor())
		}
		return a.Cursor().Compare(b.Cursor())
	})
	return out
}

func gather[T any](t testing.TB, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var out []T
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

func wantReadings(t testing.TB, got, want []api.Reading) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			show := func(rs []api.Reading) string {
				if i >= len(rs) {
					return "nothing"
				}
				return fmt.Sprintf("%+v", rs[i])
			}
			t.Fatalf("reading %d of %d, want %d:\n got %s\nwant %s", i, len(got), len(want), show(got), show(want))
		}
	}
}

func (s *shelf) wantAnswer(q api.Query) {
	s.t.Helper()
	wantReadings(s.t, gather(s.t, s.reader.Readings(context.Background(), q)), answer(s.all, q))
}
