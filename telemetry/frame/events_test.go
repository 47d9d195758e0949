package frame_test

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

func event(i int) telemetry.Event {
	return telemetry.Event{
		Device: "boiler", Pattern: "overheat", State: telemetry.State(i % 2), Severity: telemetry.Severity(i % 3),
		Time: start + telemetry.Time(i)*1e9, Message: "boiler at 81.5 °C",
		Cause: []telemetry.Cause{
			{Metric: "temperature", Unit: "Cel", Time: start + telemetry.Time(i)*1e9 - 3e6, Value: telemetry.Float(81.5)},
			{Metric: "starts", Time: start - 1e9, Value: telemetry.Int(math.MinInt64), Quality: telemetry.Uncertain},
			{Metric: "pump", Time: start + 5, Value: telemetry.Bool(true), Quality: telemetry.Bad},
			{Metric: "state", Time: math.MinInt64, Value: telemetry.Text("\xffheating")},
		}[:i%5],
	}
}

func TestEventsRoundTrip(t *testing.T) {
	var events []telemetry.Event
	for i := range 50 {
		ev := event(i)
		if len(ev.Cause) == 0 {
			ev.Cause = nil
		}
		events = append(events, ev)
	}
	events[7].Time, events[9].Time, events[11].Message = math.MinInt64, math.MaxInt64, ""
	h := header()
	h.Lane = telemetry.Alarm
	for _, n := range []int{1, 2, 6, 50} {
		b, err := frame.EncodeEvents([]byte("e"), h, events[:n])
		if err != nil {
			t.Fatal(err)
		}
		got, out, err := frame.DecodeEvents(b[1:])
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(out, events[:n]) {
			t.Errorf("%d events\n got %+v\nwant %+v", n, out, events[:n])
		}
		if got.Content != frame.Events || got.Table != 0 || got.Columns != nil || got.Count != uint32(n) || got.First != h.First || got.Size != len(b)-1 {
			t.Errorf("header %+v", got)
		}
		if _, _, err := frame.Decode(b[1:], nil); !errors.Is(err, frame.ErrCorrupt) {
			t.Errorf("Decode of events: %v", err)
		}
		if _, _, err := frame.DecodeColumns(b[1:], func(uint32) bool { return true }, nil); !errors.Is(err, frame.ErrCorrupt) {
			t.Errorf("DecodeColumns of events: %v", err)
		}
	}
}

func TestEventsCutAndJoin(t *testing.T) {
	events := []telemetry.Event{event(1), event(2), event(3), event(4)}
	h := header()
	whole, err := frame.EncodeEvents(nil, h, events)
	if err != nil {
		t.Fatal(err)
	}
	a, err := frame.Cut(nil, whole, 1001, 1001)
	if err != nil {
		t.Fatal(err)
	}
	b, err := frame.Cut(nil, whole, 1002, 1004)
	if err != nil {
		t.Fatal(err)
	}
	if got, out, err := frame.DecodeEvents(b); err != nil || got.First != 1002 || !reflect.DeepEqual(out, events[1:]) {
		t.Errorf("cut gave %+v, %+v, %v", got, out, err)
	}
	joined, err := frame.Join(nil, a, b)
	if err != nil || !slices.Equal(joined, whole) {
		t.Errorf("joined is not the whole: %v", err)
	}
}

func TestEncodeEventsRefuses(t *testing.T) {
	for name, change := range map[string]func(*telemetry.Event){
		"device":      func(e *telemetry.Event) { e.Device = "Boiler" },
		"pattern":     func(e *telemetry.Event) { e.Pattern = "" },
		"state":       func(e *telemetry.Event) { e.State = 2 },
		"severity":    func(e *telemetry.Event) { e.Severity = 3 },
		"metric":      func(e *telemetry.Event) { e.Cause[0].Metric = strings.Repeat("m", 64) },
		"quality":     func(e *telemetry.Event) { e.Cause[0].Quality = 3 },
		"kind":        func(e *telemetry.Event) { e.Cause[0].Value = telemetry.ValueOfBits(7, 0) },
		"many causes": func(e *telemetry.Event) { e.Cause = make([]telemetry.Cause, telemetry.MaxCauses+1) },
	} {
		ev := event(4)
		ev.Cause = slices.Clone(ev.Cause)
		change(&ev)
		if b, err := frame.EncodeEvents([]byte("kept"), header(), []telemetry.Event{event(0), ev}); err == nil || string(b) != "kept" {
			t.Errorf("%s: got %q, %v", name, b, err)
		}
	}
	if _, err := frame.EncodeEvents(nil, header(), nil); err == nil {
		t.Error("no events were encoded")
	}
}
