package replay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fieldpost/configs/setting"
	"fieldpost/drivers"
	"fieldpost/drivers/replay"
	"fieldpost/telemetry"
)

// play runs a device for so long and returns what it reported, each line with the seconds since the start.
func play(t *testing.T, recording string, change func(*replay.Settings), length time.Duration) string {
	t.Helper()
	s := replay.NewSettings()
	s.File = record(t, recording)
	if change != nil {
		change(s)
	}
	d := newDriver(t, s, metric("t", ""))
	var out strings.Builder
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), length)
		defer cancel()
		began := time.Now()
		err := d.Run(ctx, func(r drivers.Report) {
			fmt.Fprintf(&out, "%v:", time.Since(began).Seconds())
			for _, s := range r.Samples {
				fmt.Fprintf(&out, " %v", s.Value)
				if s.Time != 0 {
					fmt.Fprintf(&out, "@%d", s.Time/telemetry.Time(time.Millisecond))
				}
			}
			if r.Err != nil {
				fmt.Fprintf(&out, " ! %v", r.Err)
			}
			out.WriteByte('\n')
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			fmt.Fprintf(&out, "%v: %v\n", time.Since(began).Seconds(), err)
		}
	})
	return out.String()
}

func TestPace(t *testing.T) {
	const recording = "ts_ms,sensor,value\n100000,t,1\n100000,t,2\n110000,t,3\n105000,t,4\n107000,t,5\n167000,t,6\n"
	for name, c := range map[string]struct {
		change func(*replay.Settings)
		want   string
	}{
		"as recorded": {nil, "0: 1 2\n10: 3\n10: 4\n12: 5\n72: 6\n"},
		"faster":      {func(s *replay.Settings) { s.Speed = 10 }, "0: 1 2\n1: 3\n1: 4\n1.2: 5\n7.2: 6\n"},
		"slower":      {func(s *replay.Settings) { s.Speed = 0.5 }, "0: 1 2\n20: 3\n20: 4\n24: 5\n144: 6\n"},
		"no pauses":   {func(s *replay.Settings) { s.Speed = 0 }, "0: 1 2\n0: 3\n0: 4\n0: 5\n0: 6\n"},
		"max pause":   {func(s *replay.Settings) { s.MaxPause = setting.Duration(5 * time.Second) }, "0: 1 2\n5: 3\n5: 4\n7: 5\n12: 6\n"},
		"times kept":  {keep, "0: 1@100000 2@100000\n10: 3@110000\n10: 4@105000\n12: 5@107000\n72: 6@167000\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := play(t, recording, c.change, 200*time.Second); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

// A pass follows the one before at the distance of its last two rows.
func TestLoop(t *testing.T) {
	got := play(t, "ts_ms,sensor,value\n1000,t,1\n2000,t,2\n4000,t,3\n", func(s *replay.Settings) { s.Loop = true }, 12*time.Second)
	if want := "0: 1\n1: 2\n3: 3\n5: 1\n6: 2\n8: 3\n10: 1\n11: 2\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// What is wrong with a row is said at each pass; that a sensor is not in the recording, once.
func TestLoopWithTrouble(t *testing.T) {
	s := replay.NewSettings()
	s.File, s.Loop = record(t, "ts_ms,sensor,value\n1000,t,1\n2000,t,\n"), true
	d := newDriver(t, s, metric("t", ""), metric("u", ""))
	var got []string
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		_ = d.Run(ctx, func(r drivers.Report) {
			if r.Err != nil {
				got = append(got, r.Err.Error())
			}
		})
	})
	const row = `line 3: t: "" is empty`
	if want := []string{row, `the recording has no row of sensor "u"`, row}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A loop over a recording of one time would be a busy one without a pause: passes are a second apart at least.
func TestLoopOverOneTime(t *testing.T) {
	got := play(t, "ts_ms,sensor,value\n1000,t,1\n", func(s *replay.Settings) { s.Loop, s.Speed = true, 1000 }, 2500*time.Millisecond)
	if want := "0: 1\n1: 1\n2: 1\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// What is wrong with the file ends Run, so that it shows and is tried again; what is wrong with a row does not.
func TestTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		recording string
		loop      bool
		want      string
	}{
		"a row":          {"ts_ms,sensor,value\n1000,t,1\n1500,t,wet\n2000,t,2\n", false, "0: 1\n0: ! line 3: t: \"wet\" is not a number\n1: 2\n"},
		"no such column": {"when,sensor,value\n", false, "0: ! line 1: there is no column \"ts_ms\"; the header has \"when, sensor, value\". Set columns, or separator\n0: play FILE: line 1: there is no column \"ts_ms\"; the header has \"when, sensor, value\". Set columns, or separator\n"},
		"empty":          {"", false, "0: ! line 1: the file is empty; a recording begins with a header row\n0: play FILE: line 1: the file is empty; a recording begins with a header row\n"},
		"nothing wanted": {"ts_ms,sensor,value\n1,u,1\n", true, "0: ! the recording has no row of sensor \"t\"\n0: play FILE: it has no reading of the sensors that the metrics name\n"},
	} {
		t.Run(name, func(t *testing.T) {
			file := ""
			got := play(t, c.recording, func(s *replay.Settings) { s.Loop, file = c.loop, s.File }, time.Minute)
			if got := strings.ReplaceAll(got, file, "FILE"); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

func TestFileIsGone(t *testing.T) {
	s := replay.NewSettings()
	s.File = record(t, "")
	d := newDriver(t, s, metric("t", ""))
	if err := os.Remove(s.File); err != nil {
		t.Fatal(err)
	}
	if err := d.Run(t.Context(), nil); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "open the recording") {
		t.Errorf("Run returned %v", err)
	}
}

// A slow pipeline makes rows late, not fewer.
func TestSlowEmit(t *testing.T) {
	var b strings.Builder
	b.WriteString("ts_ms,sensor,value\n")
	for n := range 20 {
		fmt.Fprintf(&b, "%d,t,%d\n", n*1000, n)
	}
	s := replay.NewSettings()
	s.File = record(t, b.String())
	var log bytes.Buffer
	d, err := replay.Kind().New(drivers.Bus{}, []drivers.Device{device(s, metric("t", ""))}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		n := 0
		began := time.Now()
		_ = d.Run(ctx, func(r drivers.Report) {
			if v, _ := r.Samples[0].Value.Number(); v != float64(n) {
				t.Fatalf("row %d has value %v", n, v)
			}
			if n++; n == 5 {
				time.Sleep(10 * time.Second) // in the bubble
			}
			if late := time.Since(began) - time.Duration(n-1)*time.Second; n > 15 && late > 0 {
				t.Errorf("row %d is %v late: it should have caught up", n-1, late)
			}
		})
		if n != 20 {
			t.Errorf("%d rows of 20", n)
		}
	})
	if !strings.Contains(log.String(), "recording played to its end") {
		t.Errorf("the log is %s", &log)
	}
}
