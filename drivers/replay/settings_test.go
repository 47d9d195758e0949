package replay_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"fieldpost/drivers"
	"fieldpost/drivers/replay"
)

func TestCheck(t *testing.T) {
	for want, change := range map[string]func(*replay.Settings){
		"":                        func(*replay.Settings) {},
		"file: file is missing":   func(s *replay.Settings) { s.File = "" },
		"speed: speed -1":         func(s *replay.Settings) { s.Speed = -1 },
		"speed: speed NaN":        func(s *replay.Settings) { s.Speed = math.NaN() },
		"speed: a loop without":   func(s *replay.Settings) { s.Speed, s.Loop = 0, true },
		"times: a loop that":      func(s *replay.Settings) { s.Times, s.Loop = replay.Keep, true },
		"times: unknown times":    func(s *replay.Settings) { s.Times = "kept" },
		"layout: unknown layout":  func(s *replay.Settings) { s.Layout = "unixms" },
		"separator: separator":    func(s *replay.Settings) { s.Separator = "\"" },
		"columns.value: the name": func(s *replay.Settings) { s.Columns.Value = "" },
		"columns.value: column \"x\" is that of the time already": func(s *replay.Settings) { s.Columns.Time, s.Columns.Value = "x", "x" },
	} {
		s := replay.NewSettings()
		s.File = "recording.csv"
		change(s)
		var got []string
		say := func(path, format string, args ...any) { got = append(got, path+": "+fmt.Sprintf(format, args...)) }
		s.Check(say, say)
		if len(got) > 1 || want == "" != (len(got) == 0) || want != "" && !strings.HasPrefix(got[0], want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	s := replay.NewSettings()
	nameless := device(s, metric("t", ""))
	s.File = "recording.csv"
	one := device(s, metric("t", ""))
	bare, foreign := one, one
	bare.Metrics = nil
	foreign.Settings = &other{}
	nameless.Settings = replay.NewSettings()
	for says, devices := range map[string][]drivers.Device{
		"0 devices":           nil,
		"2 devices":           {one, one},
		"needs metrics":       {bare},
		"not those of replay": {foreign},
		"not one of replay":   {device(s, drivers.Metric{Name: "t"})},
		"file is missing":     {nameless},
	} {
		if _, err := replay.Kind().New(drivers.Bus{}, devices, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}

type other struct{ drivers.Detached }
