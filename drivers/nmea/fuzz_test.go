package nmea_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"fieldpost/drivers"
	"fieldpost/drivers/drivertest"
	"fieldpost/drivers/nmea"
	"fieldpost/telemetry"
)

// FuzzDecode holds, for any bytes and any instrument of testdata: no panic, the same reports whatever the chunks, samples of the type
// and name that were asked for, and positions that are on Earth.
func FuzzDecode(f *testing.F) {
	cases := testcases(f)
	for i, c := range cases {
		f.Add(uint8(i), c.Input)
	}
	f.Fuzz(func(t *testing.T, which uint8, input []byte) {
		d := cases[int(which)%len(cases)].Device
		whole := drivertest.Decode(t, nmea.Kind(), d, input)
		if each := drivertest.Decode(t, nmea.Kind(), d, drivertest.Bytes(input)...); each != whole {
			t.Fatalf("byte by byte\n%s\nat once\n%s", each, whole)
		}
		check(t, d, input)
		// With its checksum put right, more of it is read.
		for body := range strings.FieldsFuncSeq(string(input), func(r rune) bool { return r == '$' || r == '!' || r == '\r' || r == '\n' }) {
			body, _, _ = strings.Cut(body, "*")
			check(t, d, []byte(sentence("%s", body)))
		}
	})
}

func check(t *testing.T, d drivers.Device, input []byte) {
	t.Helper()
	kinds := map[string]telemetry.Kind{}
	for _, m := range d.Metrics {
		kinds[m.Name] = m.Kind
	}
	drivertest.NewDecoder(t, nmea.Kind(), d).Decode(input, func(r drivers.Report) {
		if len(r.Samples) == 0 && r.Err == nil {
			t.Error("an empty report")
		}
		for _, s := range r.Samples {
			kind, ok := kinds[s.Metric]
			if !ok || s.Value.Kind() != kind {
				t.Errorf("a sample of %q, %v", s.Metric, s.Value.Kind())
			}
			if !utf8.ValidString(s.Value.Text()) {
				t.Errorf("text %q is not UTF-8", s.Value.Text())
			}
			v := s.Value.Float()
			switch _, field, _ := strings.Cut(s.Metric, "."); {
			case field == "lat" && (v < -90 || v > 90), field == "lon" && (v < -180 || v > 180):
				t.Errorf("%s is %v", s.Metric, v)
			}
		}
	})
}
