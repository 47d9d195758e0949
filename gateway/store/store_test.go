package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fieldpost/api"
	"fieldpost/configs/setting"
	"fieldpost/history"
	"fieldpost/journal"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

const second = telemetry.Time(1e9)

// open opens a store with small segments and a clock that the test sets.
func open(t *testing.T, dir string, r RetentionSettings, now *time.Time) *Store {
	t.Helper()
	s := newStore(dir, r, slog.New(slog.NewTextHandler(io.Discard, nil)))
	s.segmentSize = 64 << 10
	if now != nil {
		s.now = func() time.Time { return *now }
	}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// make returns a frame of node's live lane in epoch 9: the value of a record is its sequence, its time that many seconds.
func makeFrame(t testing.TB, node string, first, count uint64) Frame {
	t.Helper()
	encoded, err := (&frame.Table{
		Labels:  map[string]string{"site": "north"},
		Devices: []frame.Device{{Name: "boiler", Metrics: []frame.Metric{{Name: "temperature", Unit: "Cel", Kind: telemetry.KindInt}}}},
	}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	table, err := history.ParseTable(encoded)
	if err != nil {
		t.Fatal(err)
	}
	recs := make([]frame.Record, count)
	for i := range recs {
		recs[i] = frame.Record{Time: telemetry.Time(first+uint64(i)) * second, Value: telemetry.Int(int64(first) + int64(i))}
	}
	data, err := frame.Encode(nil, frame.Header{
		Node: node, Epoch: 9, Lane: telemetry.Live, First: first, Clock: telemetry.ClockSync, Table: table.Hash,
	}, recs)
	if err != nil {
		t.Fatal(err)
	}
	h, err := frame.ParseHeader(data)
	if err != nil {
		t.Fatal(err)
	}
	return Frame{Header: h, Data: data, Table: table, Encoded: encoded, Spans: history.Spans(recs)}
}

func (s *Store) mustAppend(t testing.TB, frames ...Frame) {
	t.Helper()
	if err := s.Append(frames); err != nil {
		t.Fatal(err)
	}
}

// sequences reads which records of node can be queried.
func (s *Store) sequences(t testing.TB, node string) ranges.Set {
	t.Helper()
	var out ranges.Set
	for r, err := range s.Readings(context.Background(), api.Query{Filter: api.Filter{Node: node}, From: -1 << 63, To: 1<<63 - 1}) {
		if err != nil {
			t.Fatal(err)
		}
		if out.Has(r.Seq) || r.Value.Int() != int64(r.Seq) {
			t.Fatalf("%+v is there twice or not itself", r)
		}
		out.Add(ranges.Of(r.Seq, 1))
	}
	return out
}

func (s *Store) wantSequences(t testing.TB, node string, want ranges.Set) {
	t.Helper()
	if got := s.sequences(t, node); !got.Equal(want) {
		t.Fatalf("can query %s, want %s", got, want)
	}
}

func (s *Store) wantStored(t testing.TB, node string, want ranges.Set) {
	t.Helper()
	if got := s.Received(node, 9, telemetry.Live, ranges.Range{From: 0, To: 1 << 40}); !got.Equal(want) {
		t.Fatalf("stored %s, want %s", got, want)
	}
}

func (s *Store) list(t testing.TB, node string) api.Node {
	t.Helper()
	nodes, err := s.Nodes(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		if n.Node == node {
			return n
		}
	}
	return api.Node{}
}

func TestRetentionBySize(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, RetentionSettings{}, nil)
	for i := range uint64(3) {
		s.mustAppend(t, makeFrame(t, "pi", 1+10*i, 10))
		if err := s.disk.journal.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	s.mustAppend(t, makeFrame(t, "pi", 31, 10))
	segments := s.disk.journal.Segments()
	s.retention.MaxSize = setting.Size(s.disk.journal.Size() - segments[0].Size - segments[1].Size)

	// Retention never passes the checkpoint.
	if err := s.Retain(); err != nil {
		t.Fatal(err)
	}
	s.wantSequences(t, "pi", set(1, 40))
	if err := s.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	if err := s.Retain(); err != nil {
		t.Fatal(err)
	}
	s.wantSequences(t, "pi", set(21, 40))
	s.wantStored(t, "pi", set(1, 40))
	if got := s.Status().Dropped; got != 20 {
		t.Fatalf("%d records counted as dropped, want 20", got)
	}
	if list, err := s.Series(context.Background(), api.Filter{}); err != nil || len(list) != 1 || list[0].First.Time != 21*second {
		t.Fatalf("series %+v, %v", list, err)
	}

	// What was dropped stays stored, also where the ranges have to be worked out anew.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, RetentionSettings{}, nil)
	s.wantStored(t, "pi", set(1, 40))
	if lacks := s.Lacks("pi", 9, telemetry.Live, ranges.Range{From: 1, To: 50}); !lacks.Equal(set(41, 50)) {
		t.Fatalf("lacks %s, want [41,50]", lacks)
	}
	if l := s.list(t, "pi").Lanes[0]; l.Stored != 40 || !l.Missing.Empty() {
		t.Fatalf("lane %+v", l)
	}
}

func TestRetentionByAge(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	began := now
	s := open(t, t.TempDir(), RetentionSettings{MaxAge: setting.Duration(10 * time.Hour)}, &now)
	s.uptime = func() time.Duration { return now.Sub(began) }
	for i := range uint64(4) {
		s.mustAppend(t, makeFrame(t, "pi", 1+10*i, 10))
		now = now.Add(4 * time.Hour)
		if err := errors.Join(s.Checkpoint(), s.Retain()); err != nil {
			t.Fatal(err)
		}
	}
	// Committed 16, 12, 8 and 4 hours ago.
	s.wantSequences(t, "pi", set(21, 40))
	s.wantStored(t, "pi", set(1, 40))
	now = now.Add(100 * time.Hour)
	if err := errors.Join(s.Checkpoint(), s.Retain()); err != nil {
		t.Fatal(err)
	}
	s.wantSequences(t, "pi", ranges.Set{})
	s.wantStored(t, "pi", set(1, 40))
}

// What a bad disk took of the journal is no longer stored, so that it is asked for again, though the checkpoint covers it.
func TestDamagedJournal(t *testing.T) {
	for name, before := range map[string]func(t *testing.T, dir string, seg string){
		"found at opening": func(t *testing.T, dir, seg string) {},
		"state file lost too": func(t *testing.T, dir, seg string) {
			if err := os.WriteFile(filepath.Join(dir, "state.db"), []byte("gone"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, RetentionSettings{}, nil)
			s.mustAppend(t, makeFrame(t, "pi", 1, 10), makeFrame(t, "pi-2", 1, 5))
			if err := s.disk.journal.Rotate(); err != nil {
				t.Fatal(err)
			}
			s.mustAppend(t, makeFrame(t, "pi", 11, 10))
			position := s.disk.journal.Next()
			last := s.disk.journal.Segments()[1].Path
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(last, 1000); err != nil {
				t.Fatal(err)
			}
			before(t, dir, last)

			s = open(t, dir, RetentionSettings{}, nil)
			s.wantStored(t, "pi", set(1, 10))
			s.wantStored(t, "pi-2", set(1, 5))
			s.wantSequences(t, "pi", set(1, 10))
			s.mustAppend(t, makeFrame(t, "pi", 11, 10))
			s.wantStored(t, "pi", set(1, 20))
			s.wantSequences(t, "pi", set(1, 20))
			if next := s.disk.journal.Next(); name == "found at opening" && next < position+10 {
				t.Fatalf("next position %d: %d were given out before", next, position)
			}
		})
	}
}

// Of a damaged segment only a part can be saved: just what can be read still counts as stored, whatever the checkpoint says, and the rest is taken
// when it comes again, once.
func TestJournalSavedInPart(t *testing.T) {
	for _, name := range []string{"covered by the checkpoint", "after the checkpoint", "state file lost too"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, RetentionSettings{}, nil)
			state := filepath.Join(dir, "state.db")
			early, err := os.ReadFile(state)
			if err != nil {
				t.Fatal(err)
			}
			bad := makeFrame(t, "pi", 11, 10)
			for _, f := range []Frame{makeFrame(t, "pi", 1, 10), bad, makeFrame(t, "pi", 21, 10), makeFrame(t, "pi-2", 1, 5)} {
				s.mustAppend(t, f)
			}
			segment := s.disk.journal.Segments()[0].Path
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			switch name {
			case "after the checkpoint":
				err = os.WriteFile(state, early, 0o600)
			case "state file lost too":
				err = os.WriteFile(state, []byte("gone"), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(segment)
			if err != nil {
				t.Fatal(err)
			}
			hurt := slices.Clone(bad.Data)
			hurt[len(hurt)/2] ^= 1
			if n := bytes.Count(b, bad.Data); n == 0 {
				t.Fatal("the frame is not in the file as it was given")
			}
			if err := os.WriteFile(segment, bytes.ReplaceAll(b, bad.Data, hurt), 0o600); err != nil {
				t.Fatal(err)
			}

			s = open(t, dir, RetentionSettings{}, nil)
			both := ranges.Make(ranges.Range{From: 1, To: 10}, ranges.Range{From: 21, To: 30})
			s.wantStored(t, "pi", both)
			s.wantStored(t, "pi-2", set(1, 5))
			s.wantSequences(t, "pi", both)
			s.mustAppend(t, bad)
			s.wantStored(t, "pi", set(1, 30))
			s.wantSequences(t, "pi", set(1, 30))
			s.wantSequences(t, "pi-2", set(1, 5))
		})
	}
}

// Damage that is met while the store runs counts at once: Run opens the store again, in another generation.
func TestDamageWhileOpen(t *testing.T) {
	s := open(t, t.TempDir(), RetentionSettings{}, nil)
	s.mustAppend(t, makeFrame(t, "pi", 1, 10))
	if err := s.disk.journal.Rotate(); err != nil {
		t.Fatal(err)
	}
	s.mustAppend(t, makeFrame(t, "pi", 11, 10))
	if err := s.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(s.disk.journal.Segments()[0].Path, 1000); err != nil {
		t.Fatal(err)
	}
	before := s.Generation()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	changed := s.Changed()
	for r, err := range s.Readings(context.Background(), api.Query{From: -1 << 63, To: 1<<63 - 1}) {
		if err == nil && r.Seq <= 10 {
			t.Fatalf("%+v was read of a file that was cut off", r)
		}
		// An error is the store being opened again under the query.
	}
	for s.Generation() == before {
		select {
		case <-changed:
			changed = s.Changed()
		case <-time.After(10 * time.Second):
			t.Fatal("the store was not opened again")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	s.wantStored(t, "pi", set(11, 20))
	select {
	case <-s.Setbacks():
	default:
		t.Fatal("nobody was told that the store has less than it had")
	}
	s.mustAppend(t, makeFrame(t, "pi", 1, 10))
	s.wantSequences(t, "pi", set(1, 20))
}

func TestAbandon(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, RetentionSettings{}, nil)
	if _, err := s.Abandon("pi", 0); !errors.Is(err, ErrUnknown) {
		t.Fatalf("abandon an unknown node: %v", err)
	}
	if _, err := s.Hello("pi", &wire.Hello{Epochs: []wire.Epoch{{Epoch: 9, Lanes: []wire.Lane{
		{Lane: telemetry.Live, First: 1, Next: 21, Kept: set(1, 20)},
	}}}}); err != nil {
		t.Fatal(err)
	}
	s.mustAppend(t, makeFrame(t, "pi", 5, 6))
	if _, err := s.Abandon("pi", 8); !errors.Is(err, ErrUnknown) {
		t.Fatalf("abandon an unknown epoch: %v", err)
	}
	n, err := s.Abandon("pi", 9)
	if err != nil || n != 14 {
		t.Fatalf("abandoned %d, %v; want 14", n, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, RetentionSettings{}, nil)
	l := s.list(t, "pi").Lanes[0]
	var lost []string
	for _, x := range l.Lost {
		lost = append(lost, fmt.Sprintf("%s %s %t", x.Range, x.Reason, x.Time != 0))
	}
	if !l.Missing.Empty() || !slices.Equal(lost, []string{"[1,4] abandoned true", "[11,20] abandoned true"}) {
		t.Fatalf("missing %s, lost %q", l.Missing, lost)
	}
	// If it comes all the same, it is stored.
	s.mustAppend(t, makeFrame(t, "pi", 1, 4))
	if l := s.list(t, "pi").Lanes[0]; l.Stored != 10 || len(l.Lost) != 1 {
		t.Fatalf("lane %+v", l)
	}
}

// Delivery rule 5: an offline counts only with the nonce of the link's latest connection.
func TestPresence(t *testing.T) {
	s := open(t, t.TempDir(), RetentionSettings{}, nil)
	online := func() bool { return s.list(t, "pi").Online }
	s.Presence("pi", "lte", 1, true)
	if len(s.list(t, "pi").Node) != 0 {
		t.Fatal("a state message made a node")
	}
	hello := func(link string, nonce uint64) {
		t.Helper()
		if _, err := s.Hello("pi", &wire.Hello{Link: link, Nonce: nonce}); err != nil {
			t.Fatal(err)
		}
	}
	hello("lte", 1)
	steps := []struct {
		what string
		do   func()
		want bool
	}{
		{"hello", func() {}, true},
		{"offline", func() { s.Presence("pi", "lte", 1, false) }, false},
		{"online", func() { s.Presence("pi", "lte", 2, true) }, true},
		{"late will of the first connection", func() { s.Presence("pi", "lte", 1, false) }, true},
		{"second link", func() { hello("wifi", 9) }, true},
		{"first link goes", func() { s.Presence("pi", "lte", 2, false) }, true},
		{"second link goes", func() { s.Presence("pi", "wifi", 9, false) }, false},
	}
	for _, step := range steps {
		if step.do(); online() != step.want {
			t.Fatalf("after %s: online %v, want %v", step.what, online(), step.want)
		}
	}
}

// Clocks become known with a hello: what is stored already is put right.
func TestBootTable(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, RetentionSettings{}, nil)
	f := makeFrame(t, "pi", 1, 3)
	_, recs, err := frame.Decode(f.Data, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := f.Header
	h.Boot, h.Clock, h.Offset = telemetry.Boot{Ordinal: 4, ID: 44}, telemetry.ClockUnset, int64(second)
	if f.Data, err = frame.Encode(nil, h, recs); err != nil {
		t.Fatal(err)
	}
	if f.Header, err = frame.ParseHeader(f.Data); err != nil {
		t.Fatal(err)
	}
	s.mustAppend(t, f)
	times := func() (out []string) {
		for r, err := range s.Readings(context.Background(), api.Query{From: -1 << 63, To: 1<<63 - 1}) {
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, fmt.Sprint(int64(r.Time/second), r.ClockUnset))
		}
		return out
	}
	if got := times(); !slices.Equal(got, []string{"1 true", "2 true", "3 true"}) {
		t.Fatalf("times %v", got)
	}
	if _, err := s.Hello("pi", &wire.Hello{Boots: []wire.Boot{{Boot: h.Boot, Clock: telemetry.ClockSync, Offset: int64(1001 * second)}}}); err != nil {
		t.Fatal(err)
	}
	want := []string{"1001 false", "1002 false", "1003 false"}
	if got := times(); !slices.Equal(got, want) {
		t.Fatalf("times %v, want %v", got, want)
	}
	if list, err := s.Series(context.Background(), api.Filter{}); err != nil || list[0].Last.Time != 1003*second {
		t.Fatalf("series %+v, %v", list, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, RetentionSettings{}, nil)
	if got := times(); !slices.Equal(got, want) {
		t.Fatalf("opened again: times %v, want %v", got, want)
	}
}

func TestFullDisk(t *testing.T) {
	s := open(t, t.TempDir(), RetentionSettings{}, nil)
	room := s.free
	s.free = func() (int64, error) { return s.reserve, nil }
	if err := s.Append([]Frame{makeFrame(t, "pi", 1, 3)}); !errors.Is(err, ErrFull) {
		t.Fatalf("append to a full disk: %v", err)
	}
	if err := s.Health(); !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "max_size") {
		t.Fatalf("health %v", err)
	}
	s.wantStored(t, "pi", ranges.Set{})
	s.free = room
	s.mustAppend(t, makeFrame(t, "pi", 1, 3))
	if err := s.Health(); err != nil {
		t.Fatalf("health %v", err)
	}
	s.wantSequences(t, "pi", set(1, 3))
}

func TestIdentity(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, RetentionSettings{}, nil)
	id, generation := s.ID(), s.Generation()
	if id == (wire.StoreID{}) || generation == 0 {
		t.Fatalf("id %s, generation %d", id, generation)
	}
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	if s.ID() != id || s.Generation() == generation {
		t.Fatal("want the same id in another generation")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Append([]Frame{makeFrame(t, "pi", 1, 3)}); !errors.Is(err, journal.ErrClosed) {
		t.Fatalf("append to a closed store: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "id")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, RetentionSettings{}, nil); err == nil || !strings.Contains(err.Error(), "backup") {
		t.Fatalf("open without the id: %v", err)
	}
}
