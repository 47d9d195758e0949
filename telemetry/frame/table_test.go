package frame_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

func table() *frame.Table {
	return &frame.Table{
		Labels: map[string]string{"site": "north", "customer": "äöü", "empty": ""},
		Devices: []frame.Device{
			{Name: "boiler", Labels: map[string]string{"room": "b12", "site": "south"}, Metrics: []frame.Metric{
				{Name: "temperature", Unit: "Cel"},
				{Name: "temperature_mean", Unit: "Cel", Derived: true},
				{Name: "starts", Kind: telemetry.KindInt},
			}},
			{Name: "idle"},
			{Name: "door", Metrics: []frame.Metric{{Name: "open", Kind: telemetry.KindBool}, {Name: "state", Kind: telemetry.KindText}}},
		},
	}
}

// rounded is a table with every way of rounding.
func rounded() *frame.Table {
	return &frame.Table{Devices: []frame.Device{{Name: "tank", Metrics: []frame.Metric{
		{Name: "level", Unit: "m", Rounding: frame.Rounding{Resolution: 0.01}},
		{Name: "flow", Rounding: frame.Rounding{MaxError: 0.005, Relative: true}},
		{Name: "flow_mean", Derived: true, Rounding: frame.Rounding{MaxError: 2}},
	}}}}
}

func TestTableOfImpossibleRounding(t *testing.T) {
	for _, r := range []frame.Rounding{{Resolution: -1}, {Resolution: math.NaN()}, {Resolution: math.Inf(1)}, {Resolution: 1, MaxError: 1}, {Relative: true}, {MaxError: 1, Relative: true}, {MaxError: -0.5}} {
		table := rounded()
		table.Devices[0].Metrics[1].Rounding = r
		if b, err := table.Encode(); err == nil {
			t.Errorf("%+v is written as %x", r, b)
		}
	}
}

func TestTableRoundTrip(t *testing.T) {
	for name, want := range map[string]*frame.Table{"full": table(), "empty": {}, "no labels": {Devices: table().Devices[1:]}, "rounded": rounded()} {
		b, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := frame.DecodeTable(b)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %+v\nwant %+v", name, got, want)
		}
		if frame.Hash(b) == 0 {
			t.Errorf("%s: hash 0", name)
		}
		for n := range b {
			if _, err := frame.DecodeTable(b[:n]); !errors.Is(err, frame.ErrCorrupt) {
				t.Errorf("%s: of %d bytes: %v", name, n, err)
			}
		}
	}
}

func TestTableIsCanonical(t *testing.T) {
	want, err := table().Encode()
	if err != nil {
		t.Fatal(err)
	}
	for range 20 { // the order of a map changes from one to the next
		got, err := table().Encode()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("equal tables, different bytes:\n%x\n%x", got, want)
		}
	}
	other := table()
	other.Devices[0].Metrics[0].Unit = "K"
	b, err := other.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if frame.Hash(b) == frame.Hash(want) {
		t.Error("different tables, one hash")
	}
}

func TestDecodeTableRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"empty":           {nil, frame.ErrCorrupt},
		"version":         {[]byte{2, 0, 0}, frame.ErrVersion},
		"byte behind":     {[]byte{1, 0, 0, 0}, frame.ErrCorrupt},
		"long varint":     {[]byte{1, 0x80, 0, 0}, frame.ErrCorrupt},
		"labels unsorted": {[]byte("\x01\x02\x01b\x00\x01a\x00\x00"), frame.ErrCorrupt},
		"label twice":     {[]byte("\x01\x02\x01a\x00\x01a\x00\x00"), frame.ErrCorrupt},
		"label no name":   {[]byte("\x01\x01\x00\x01a\x00"), frame.ErrCorrupt},
		"many labels":     {[]byte("\x01\xff\xff\xff\xff\x0f\x01a"), frame.ErrCorrupt},
		"device name":     {[]byte("\x01\x00\x01\x01A\x00\x00"), frame.ErrCorrupt},
		"device twice":    {[]byte("\x01\x00\x02\x01a\x00\x00\x01a\x00\x00"), frame.ErrCorrupt},
		"metric twice":    {[]byte("\x01\x00\x01\x01a\x00\x02\x00\x01m\x00\x00\x01m\x00"), frame.ErrCorrupt},
		"metric kind":     {[]byte("\x01\x00\x01\x01a\x00\x01\x04\x01m\x00"), frame.ErrCorrupt},
		"metric flag":     {[]byte("\x01\x00\x01\x01a\x00\x01\x20\x01m\x00"), frame.ErrCorrupt},
		"many devices":    {[]byte("\x01\x00\xff\xff\xff\xff\x0f\x01a\x00\x00"), frame.ErrCorrupt},
		"many metrics":    {append([]byte("\x01\x00\x01\x01a\x00\x81\x80\x01"), make([]byte, 1<<17)...), frame.ErrCorrupt},
		"too long":        {make([]byte, frame.MaxTable+1), frame.ErrCorrupt},
	} {
		if _, err := frame.DecodeTable(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestTableEncodeRefuses(t *testing.T) {
	for name, change := range map[string]func(*frame.Table){
		"device name":  func(t *frame.Table) { t.Devices[0].Name = "a/b" },
		"device twice": func(t *frame.Table) { t.Devices[1].Name = "boiler" },
		"metric name":  func(t *frame.Table) { t.Devices[0].Metrics[1].Name = "" },
		"metric twice": func(t *frame.Table) { t.Devices[0].Metrics[1].Name = "starts" },
		"kind":         func(t *frame.Table) { t.Devices[0].Metrics[1].Kind = 4 },
		"label":        func(t *frame.Table) { t.Labels[""] = "x" },
		"device label": func(t *frame.Table) { t.Devices[0].Labels[""] = "x" },
	} {
		bad := table()
		change(bad)
		if b, err := bad.Encode(); err == nil || b != nil {
			t.Errorf("%s: got %q, %v", name, b, err)
		}
	}
	large := &frame.Table{Devices: make([]frame.Device, 2)}
	for i := range large.Devices {
		d := &large.Devices[i]
		d.Name = fmt.Sprintf("d%d", i)
		for m := range frame.MaxSeries/2 + i {
			d.Metrics = append(d.Metrics, frame.Metric{Name: fmt.Sprintf("m%d", m)})
		}
	}
	if _, err := large.Encode(); !errors.Is(err, frame.ErrTooLarge) {
		t.Errorf("too many series: %v", err)
	}
	large.Devices[1].Metrics = large.Devices[1].Metrics[1:]
	if b, err := large.Encode(); err != nil {
		t.Errorf("as many series as may be: %v", err)
	} else if _, err := frame.DecodeTable(b); err != nil {
		t.Errorf("as many series as may be: %v", err)
	}
	large.Labels = map[string]string{"k": string(make([]byte, frame.MaxTable))}
	if _, err := large.Encode(); !errors.Is(err, frame.ErrTooLarge) {
		t.Errorf("too many bytes: %v", err)
	}
}

func TestTableSeries(t *testing.T) {
	got := table().Series()
	var names []string
	for _, s := range got {
		names = append(names, s.Device+"/"+s.Name)
	}
	if want := []string{"boiler/temperature", "boiler/temperature_mean", "boiler/starts", "door/open", "door/state"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	if want := map[string]string{"site": "south", "customer": "äöü", "empty": "", "room": "b12"}; !reflect.DeepEqual(got[0].Labels, want) {
		t.Errorf("boiler's labels %v, want %v", got[0].Labels, want)
	}
	if want := table().Labels; !reflect.DeepEqual(got[3].Labels, want) {
		t.Errorf("door's labels %v, want %v", got[3].Labels, want)
	}
	if got[3].Kind != telemetry.KindBool || got[0].Unit != "Cel" || !got[1].Derived {
		t.Errorf("got %+v", got)
	}
}
