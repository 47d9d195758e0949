package emulate_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fieldpost/drivers/emulate"
	"fieldpost/drivers/emulate/recordings"
)

func play(t *testing.T, recording string, n int) (out string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n-1)*time.Second+time.Millisecond)
		defer cancel()
		l := &lines{t: t, each: 1}
		p, err := emulate.NewPlayer(l, recording, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		p.Run(ctx)
		out = string(bytes.Join(l.lines, nil))
	})
	return out
}

func TestPlayer(t *testing.T) {
	const recording = "ts_ms,sensor,value\n1,a,1.50\n1,b,true\n2,a,74.93588199999998\n"
	if got, want := play(t, recording, 3), "a=1.50 b=true\na=74.93588199999998\na=1.50 b=true\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	for _, bad := range []string{"", "ts_ms,sensor,value\n", "time,sensor,value\n1,a,2\n", "ts_ms,sensor,value\n1,a\n"} {
		if _, err := emulate.NewPlayer(nil, bad, time.Second); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestRecordings(t *testing.T) {
	for name, c := range map[string]struct {
		recording, first string
		times            int
	}{
		"machine": {recordings.Machine(), "machine_temperature=99.3134723\n", 400},
		"office": {recordings.Office(),
			"temperature=22.5333333333333 humidity=26.8233333333333 light=607 co2=1092.33333333333 humidity_ratio=0.00453108315736118 occupied=true\n", 105},
	} {
		t.Run(name, func(t *testing.T) {
			said := strings.SplitAfter(play(t, c.recording, c.times+1), "\n")
			if said[0] != c.first || said[c.times] != c.first || said[c.times-1] == c.first {
				t.Errorf("begins with %q and after %d lines with %q", said[0], c.times, said[c.times])
			}
		})
	}
}
