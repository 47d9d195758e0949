package line_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"fieldpost/drivers"
	"fieldpost/drivers/drivertest"
	"fieldpost/drivers/line"
	"fieldpost/telemetry"
)

// FuzzDecode holds, for any bytes and any instrument of testdata: no panic, the same reports whatever the chunks, and samples of
// the type and name that were asked for.
func FuzzDecode(f *testing.F) {
	cases := testcases(f)
	for i, c := range cases {
		f.Add(uint8(i), c.Input)
	}
	f.Fuzz(func(t *testing.T, which uint8, input []byte) {
		d := cases[int(which)%len(cases)].Device
		whole := decode(t, d, input)
		if each := decode(t, d, drivertest.Bytes(input)...); each != whole {
			t.Fatalf("byte by byte\n%s\nat once\n%s", each, whole)
		}
		kinds := map[string]telemetry.Kind{}
		for _, m := range d.Metrics {
			kinds[m.Name] = m.Kind
		}
		newDecoder(t, d).Decode(input, func(r drivers.Report) {
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
			}
		})
	})
}

// FuzzJSON holds the reader against encoding/json: what is a JSON object or array there is one here, with the same values at
// the same paths.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"a":1}`, `{"a":"x\u00e9\ud83d\ude00\ud83d","b":[1,{"c":2}]}`, `{"b":[null,{"c":"1"}],"a":null}`, `[{"c":5},"2"]`, `{"a":{"x":1},"a":"y"}`,
		`{"a":true,"b":{"1":{"c":false}}}`, `{"a":-1.5e-3}`, ` { "a" : [ ] } `, `{"a":"\\\"\/\b\f\r\t"}`, `{"\u0061":7}`, `{"a":"` + "\x7f\xff" + `"}`, `{"a":1,}`, `{"a":1}}`,
		`{"1":"` + "\x81\x9b" + `"}`,
	} {
		f.Add([]byte(s))
	}
	paths := []string{"a", "b.1.c", "0.c", "1"}
	d := drivers.Device{Name: "boiler", Settings: &line.Settings{Format: line.JSON, MaxLine: 1 << 16}}
	for _, p := range paths {
		name := "m_" + strings.ReplaceAll(p, ".", "_")
		d.Metrics = append(d.Metrics, drivers.Metric{Name: name, Kind: telemetry.KindText, Address: &line.Address{Field: line.Field(p)}})
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		if bytes.ContainsAny(input, "\r\n\x00") || len(input) > 1<<15 || depth(input) > 60 || bytes.HasPrefix(input, []byte("\xef\xbb\xbf")) {
			return // what is JSON over several lines is none here
		}
		want, ok := oracle(input)
		if !ok {
			return // more is taken here than there
		}
		got := map[string]string{}
		dec := newDecoder(t, d)
		dec.Decode(append(bytes.Clone(input), '\n'), func(r drivers.Report) {
			for _, s := range r.Samples {
				got[s.Metric] = s.Value.Text()
			}
			if r.Err != nil && (strings.Contains(r.Err.Error(), "not JSON") || strings.Contains(r.Err.Error(), "nested deeper")) {
				t.Errorf("%q: %v", input, r.Err)
			}
		})
		for i, p := range paths {
			w, there := at(want, p)
			g, here := got[d.Metrics[i].Name]
			if there != here || oneMark(g) != oneMark(w) {
				t.Errorf("%q: %s: got %q, %v; want %q, %v", input, p, g, here, w, there)
			}
		}
	})
}

// oracle reads input as one JSON object or array.
func oracle(input []byte) (any, bool) {
	dec := json.NewDecoder(bytes.NewReader(input))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, false
	}
	var more any
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, false
	}
	switch v.(type) {
	case map[string]any, []any:
		return v, true
	}
	return nil, false
}

// at returns the scalar at a path as text, without the blanks around it.
func at(v any, path string) (string, bool) {
	for step := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[step]
		case []any:
			v = nil
			if i := strings.Index("0123456789", step); i >= 0 && len(step) == 1 && i < len(x) {
				v = x[i]
			}
		default:
			return "", false
		}
	}
	switch x := v.(type) {
	case string:
		return strings.Trim(x, " \t"), true
	case json.Number:
		return x.String(), true
	case bool:
		if x {
			return "true", true
		}
		return "false", true
	}
	return "", false
}

// oneMark makes runs of U+FFFD one: encoding/json writes one for each bad byte, the driver one for each run of them.
func oneMark(s string) string {
	for strings.Contains(s, "\ufffd\ufffd") {
		s = strings.ReplaceAll(s, "\ufffd\ufffd", "\ufffd")
	}
	return s
}

func depth(b []byte) int {
	n, most := 0, 0
	for _, c := range b {
		switch c {
		case '{', '[':
			n++
			most = max(most, n)
		case '}', ']':
			n--
		}
	}
	return most
}
