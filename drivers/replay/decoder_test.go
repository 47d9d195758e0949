package replay_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fieldpost/drivers"
	"fieldpost/drivers/replay"
	"fieldpost/telemetry"
)

// wanted are the metrics of the decoder's tests.
var wanted = []drivers.Metric{
	metric("t", ""), {Name: "n", Kind: telemetry.KindInt, Address: &replay.Address{Sensor: "count"}},
	{Name: "on", Kind: telemetry.KindBool, Address: &replay.Address{}}, {Name: "s", Kind: telemetry.KindText, Address: &replay.Address{Sensor: "state"}},
}

// decode feeds a recording in chunks and returns the reports, one a line.
func decode(t *testing.T, d drivers.Device, recording string, chunk int) string {
	t.Helper()
	dec, err := replay.Kind().Decoder(d)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	emit := func(r drivers.Report) {
		if r.Device != d.Name || len(r.Samples) > 0 == (r.Err != nil) {
			t.Errorf("report %+v", r)
		}
		if r.Err != nil {
			fmt.Fprintf(&out, "! %v\n", r.Err)
			return
		}
		var words []string
		for i, s := range r.Samples {
			if i == 0 && s.Time != 0 {
				words = append(words, s.Time.String())
			}
			if s.Time != r.Samples[0].Time {
				t.Errorf("samples of one report are of %v and %v", s.Time, r.Samples[0].Time)
			}
			word := s.Metric + "=" + s.Value.String()
			if s.Quality != telemetry.Good {
				word += "/" + s.Quality.String()
			}
			words = append(words, word)
		}
		fmt.Fprintln(&out, strings.Join(words, " "))
	}
	for b := []byte(recording); len(b) > 0; {
		n := min(chunk, len(b))
		dec.Decode(b[:n], emit)
		b = b[n:]
	}
	dec.Flush(emit)
	return out.String()
}

func TestDecode(t *testing.T) {
	const all = "9,count,1\n9,on,1\n9,state,x\n"
	for name, c := range map[string]struct {
		change    func(*replay.Settings)
		recording string
		want      string
	}{
		"together by time": {nil,
			"ts_ms,sensor,value\n1,t,20.5\n1,count,-3\n2,t,1e3\n2,on,TRUE\n2,state,runs well\n",
			"t=20.5 n=-3\nt=1000 on=true s=runs well\n"},
		"late, twice and out of order": {keep,
			"ts_ms,sensor,value\n1000,t,1\n1000,t,1\n3000,t,2\n2000,t,3\n1000,t,1\n" + all,
			"1970-01-01T00:00:01.000Z t=1 t=1\n1970-01-01T00:00:03.000Z t=2\n1970-01-01T00:00:02.000Z t=3\n1970-01-01T00:00:01.000Z t=1\n" +
				"1970-01-01T00:00:00.009Z n=1 on=true s=x\n"},
		"columns, order, quotes, CR LF, byte order mark": {
			func(s *replay.Settings) {
				s.Columns = replay.Columns{Time: "when", Sensor: "what", Value: "how much"}
				s.Separator, s.Layout, s.Times = ";", replay.RFC3339, replay.Keep
			},
			"\xef\xbb\xbfunit;how much;what;when\r\nCel;20.5;t;2026-03-01T12:00:00.25+01:00\r\n;\"a;\"\"b\"\"\";state;2026-03-01T11:00:00.25Z\r\n\r\n;1;count;2026-03-01T11:00:01Z\n;0;on;2026-03-01T11:00:01Z",
			"2026-03-01T11:00:00.250Z t=20.5 s=a;\"b\"\n2026-03-01T11:00:01.000Z n=1 on=false\n"},
		"seconds": {func(s *replay.Settings) { s.Layout, s.Times = replay.Unix, replay.Keep },
			"ts_ms,sensor,value\n1.000000001,t,1\n-1.5,t,2\n" + all,
			"1970-01-01T00:00:01.000000001Z t=1\n1969-12-31T23:59:58.500Z t=2\n1970-01-01T00:00:09.000Z n=1 on=true s=x\n"},
		"numbers that are none": {nil, "ts_ms,sensor,value\n1,t,NaN\n2,t,-inf\n" + all, "t=NaN/bad\nt=-Inf/bad\nn=1 on=true s=x\n"},
		"other sensors":         {nil, "ts_ms,sensor,value\n1,t,1\nx,other,y\n" + all, "t=1\nn=1 on=true s=x\n"},
		"what is wrong, with its line": {keep,
			"ts_ms,sensor,value\n1,t,1\n1,t,wet\n\n1,t,2\nnoon,t,3\n1,count,1.5\n1,t\n1,t,\n1,on,maybe\n0,t,4\n99999999999999999999,t,1\n1,t,0x10\n1,\"t,1\n1,t,1e999\n" + all,
			"1970-01-01T00:00:00.001Z t=1\n! line 3: t: \"wet\" is not a number\n" +
				"1970-01-01T00:00:00.001Z t=2\n! line 6: time \"noon\" is not a time of the layout\n! line 7: n: \"1.5\" is not an integer\n" +
				"! line 8: \"1,t\": 2 fields; want at least 3\n! line 9: t: \"\" is empty\n! line 10: on: \"maybe\" is not true, false, 1 or 0\n" +
				"! line 11: time \"0\" is the time of a clock that was never set, and cannot be kept\n! line 12: time \"99999999999999999999\" is out of range\n" +
				"! line 13: t: \"0x10\" is not a number\n! line 14: \"1,\\\"t,1\": extraneous or missing \" in quoted-field\n! line 15: t: \"1e999\" is out of range\n" +
				"1970-01-01T00:00:00.009Z n=1 on=true s=x\n"},
		"too long":        {nil, "ts_ms,sensor,value\n1,t,1\n1,t," + strings.Repeat("1", 17<<10) + "\n1,t,2\n" + all, "t=1\n! line 3: the row is longer than 16384 bytes\nt=2\nn=1 on=true s=x\n"},
		"never named":     {nil, "ts_ms,sensor,value\n1,t,1\n", "t=1\n! the recording has no row of sensor \"count\"\n! the recording has no row of sensor \"on\"\n! the recording has no row of sensor \"state\"\n"},
		"empty":           {nil, "", "! line 1: the file is empty; a recording begins with a header row\n"},
		"no such column":  {nil, "time;sensor;value\n1;t;1\n", "! line 1: there is no column \"ts_ms\"; the header has \"time;sensor;value\". Set columns, or separator\n"},
		"a column twice":  {nil, "ts_ms,sensor,value,sensor\n", "! line 1: there are two columns \"sensor\"\n"},
		"header is wrong": {nil, "\"ts_ms,sensor\n", "! line 1: \"\\\"ts_ms,sensor\": extraneous or missing \" in quoted-field\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := replay.NewSettings()
			if c.change != nil {
				c.change(s)
			}
			for _, chunk := range []int{1, 7, 1 << 20} {
				if got := decode(t, device(s, wanted...), c.recording, chunk); got != c.want {
					t.Errorf("in chunks of %d: got\n%swant\n%s", chunk, got, c.want)
				}
			}
		})
	}
}

func keep(s *replay.Settings) { s.Times = replay.Keep }

// A recording of one time is still reported in bounded pieces.
func TestOneTimeForAll(t *testing.T) {
	got := decode(t, device(replay.NewSettings(), metric("t", "")), "ts_ms,sensor,value\n"+strings.Repeat("5,t,1\n", 2500), 4096)
	if lines := strings.Count(got, "\n"); lines != 3 || strings.Count(got, "t=1") != 2500 {
		t.Errorf("%d reports with %d samples; want 3 with 2500", lines, strings.Count(got, "t=1"))
	}
}

// Two metrics may read one sensor.
func TestSensorTwice(t *testing.T) {
	got := decode(t, device(replay.NewSettings(), metric("a", "t"), metric("b", "t")), "ts_ms,sensor,value\n5,t,1\n", 4096)
	if want := "a=1 b=1\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What is shipped as a recording is one, to the last row.
func TestShippedRecordings(t *testing.T) {
	for file, c := range map[string]struct {
		sensors []string
		reports int
		last    string
	}{
		"../../configs/examples/recordings/household_power.csv": {[]string{"active_kw", "voltage", "sub3_wh"}, 70, "active_kw"},
		"../emulate/recordings/occupancy.csv":                   {[]string{"co2", "temperature"}, 105, "co2"},
		"../emulate/recordings/nab_machine.csv":                 {[]string{"machine_temperature"}, 400, "machine_temperature"},
	} {
		b, err := os.ReadFile(filepath.FromSlash(file))
		if err != nil {
			t.Fatal(err)
		}
		var metrics []drivers.Metric
		for _, s := range c.sensors {
			metrics = append(metrics, metric(s, ""))
		}
		got := decode(t, device(replay.NewSettings(), metrics...), string(b), 4096)
		if lines := strings.Count(got, "\n"); lines != c.reports || strings.Contains(got, "!") || strings.Count(got, c.last+"=") != c.reports {
			t.Errorf("%s: %d reports, want %d:\n%.500s", file, lines, c.reports, got)
		}
	}
}

// Whatever a file holds, the decoder says the same in any chunks.
func FuzzDecode(f *testing.F) {
	f.Add("ts_ms,sensor,value\n1,t,20.5\n1,count,-3\n2,t,1e3\n", 3)
	f.Add("ts_ms,sensor,value\r\n1,\"t\",\"20.5\"\r\n\r\n-9223372036854775808,t,5", 1)
	f.Add("\xef\xbb\xbfts_ms,value,sensor,\n,,,\n\"", 2)
	f.Add("value,ts_ms,sensor\n"+strings.Repeat("9", 20<<10)+"\n1,1,t", 1000)
	f.Fuzz(func(t *testing.T, recording string, chunk int) {
		for _, times := range []string{replay.Now, replay.Keep} {
			s := replay.NewSettings()
			s.Times = times
			whole := decode(t, device(s, wanted...), recording, 1<<20)
			if got := decode(t, device(s, wanted...), recording, max(1, chunk)); got != whole {
				t.Fatalf("in chunks of %d: got\n%swant\n%s", chunk, got, whole)
			}
		}
	})
}
