package history_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"fieldpost/api"
	"fieldpost/history"
	"fieldpost/journal"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// putEvents stores a frame of events and notes what is to come out.
func (s *shelf) putEvents(h frame.Header, mark telemetry.Time, events ...telemetry.Event) {
	s.t.Helper()
	h.Epoch, h.Lane = 7, telemetry.Alarm
	key := h.Node + "!"
	h.First = max(s.next[key], 1)
	s.next[key] = h.First + uint64(len(events))
	data, err := frame.EncodeEvents(nil, h, events)
	if err != nil {
		s.t.Fatal(err)
	}
	e := []journal.Entry{{Count: uint32(len(events)), Mark: uint64(mark), Data: data}}
	if err := s.journal.Append(e...); err != nil {
		s.t.Fatal(err)
	}
	if h, err = frame.ParseHeader(data); err != nil {
		s.t.Fatal(err)
	}
	s.reader.AddEntry(e[0], h, nil, nil)
	for i, ev := range events {
		s.events = append(s.events, api.Event{Event: ev, Node: h.Node, Epoch: 7, Seq: h.First + uint64(i), StoredAt: mark})
	}
}

func event(device string, state telemetry.State, at telemetry.Time) telemetry.Event {
	return telemetry.Event{Device: device, Pattern: "overheat", State: state, Severity: telemetry.Critical, Time: at}
}

func describe(e *api.Event) string {
	return fmt.Sprintf("%s/%s/%s %s %d at %s", e.Node, e.Device, e.Pattern, e.State, e.Seq, e.StoredAt)
}

func TestEvents(t *testing.T) {
	s := newShelf(t, 0, history.NewCatalogue(), nil)
	h := frame.Header{Node: "pi", Clock: telemetry.ClockSync}
	s.putEvents(h, 100*second, event("boiler", telemetry.Raised, 10*second), event("pump", telemetry.Raised, 12*second))
	s.put(frame.Header{Node: "pi", Clock: telemetry.ClockSync}, 101*second, float(temperature, 11*second, 1))
	s.putEvents(frame.Header{Node: "pi-2", Clock: telemetry.ClockSync}, 102*second, event("boiler", telemetry.Raised, 11*second))
	s.putEvents(h, 103*second, event("boiler", telemetry.Cleared, 20*second))
	cleared := telemetry.Cleared
	all := api.EventQuery{From: everything.From, To: everything.To}
	after := s.events[2].Cursor()
	for name, tt := range map[string]struct {
		query func(q *api.EventQuery)
		want  []int
	}{
		"all":        {func(*api.EventQuery) {}, []int{0, 2, 1, 3}},
		"descending": {func(q *api.EventQuery) { q.Descending = true }, []int{3, 1, 2, 0}},
		"span":       {func(q *api.EventQuery) { q.From, q.To = 11*second, 20*second }, []int{2, 1}},
		"node":       {func(q *api.EventQuery) { q.Node = "pi-2" }, []int{2}},
		"device":     {func(q *api.EventQuery) { q.Device = "boiler" }, []int{0, 2, 3}},
		"cleared":    {func(q *api.EventQuery) { q.State = &cleared }, []int{3}},
		"after":      {func(q *api.EventQuery) { q.After = &after }, []int{1, 3}},
		"before":     {func(q *api.EventQuery) { q.After, q.Descending = &after, true }, []int{0}},
	} {
		t.Run(name, func(t *testing.T) {
			q := all
			tt.query(&q)
			var got, want []string
			for _, e := range gather(t, history.Merge(s.series, s.reader).Events(context.Background(), q)) {
				got = append(got, describe(&e))
			}
			for _, i := range tt.want {
				want = append(want, describe(&s.events[i]))
			}
			if !slices.Equal(got, want) {
				t.Fatalf("got %q\nwant %q", got, want)
			}
		})
	}
}

// The feed gives every record once, in commit order, whatever the pages, and goes on where it stopped.
func TestFeed(t *testing.T) {
	s := newShelf(t, 1, history.NewCatalogue(), nil)
	h := frame.Header{Node: "pi", Clock: telemetry.ClockSync}
	s.put(h, 100*second, float(temperature, 50*second, 1), float(temperatureMean, 51*second, 2), float(temperature, 52*second, 3))
	s.putEvents(h, 101*second, event("boiler", telemetry.Raised, 10*second))
	s.put(h, 102*second, float(temperature, 1*second, 4), float(temperature, 2*second, 5))
	want := []string{"1", "2", "3", "raised", "4", "5"}

	for limit := 1; limit <= 7; limit++ {
		var got []string
		last := uint64(0)
		for at := uint64(0); ; {
			records, next, err := s.reader.Feed(context.Background(), at, limit)
			if err != nil {
				t.Fatal(err)
			}
			if len(records) == 0 {
				break
			}
			if len(records) > limit || records[len(records)-1].Position != next {
				t.Fatalf("%d records up to %d, limit %d, next %d", len(records), records[len(records)-1].Position, limit, next)
			}
			for _, r := range records {
				if r.Position <= last {
					t.Fatalf("position %d after %d", r.Position, last)
				}
				last = r.Position
				if r.Event != nil {
					got = append(got, r.Event.State.String())
				} else {
					got = append(got, r.Reading.Value.String())
				}
			}
			at = next
		}
		if !slices.Equal(got, want) {
			t.Fatalf("limit %d: got %q, want %q", limit, got, want)
		}
	}
	records, next, err := s.reader.Feed(context.Background(), 1000, 5)
	if err != nil || len(records) != 0 || next != 1000 {
		t.Fatalf("beyond the end: %d records, next %d, %v", len(records), next, err)
	}
}
