package telemetry_test

import (
	"encoding/json"
	"math"
	"strconv"
	"testing"
	"unicode/utf8"

	"fieldpost/telemetry"
)

func TestValueText(t *testing.T) {
	tests := []struct {
		v          telemetry.Value
		text, json string
	}{
		{telemetry.Value{}, "0", "0"},
		{telemetry.Float(21.5), "21.5", "21.5"},
		{telemetry.Float(5), "5", "5"},
		{telemetry.Float(0.1), "0.1", "0.1"},
		{telemetry.Float(math.Copysign(0, -1)), "-0", "-0"},
		{telemetry.Float(1e20), "100000000000000000000", "100000000000000000000"},
		{telemetry.Float(1e21), "1e+21", "1e+21"},
		{telemetry.Float(-1e300), "-1e+300", "-1e+300"},
		{telemetry.Float(1e-6), "0.000001", "0.000001"},
		{telemetry.Float(1e-7), "1e-07", "1e-07"},
		{telemetry.Float(math.MaxFloat64), "1.7976931348623157e+308", "1.7976931348623157e+308"},
		{telemetry.Float(math.SmallestNonzeroFloat64), "5e-324", "5e-324"},
		{telemetry.Float(math.NaN()), "NaN", `"NaN"`},
		{telemetry.Float(math.Inf(1)), "+Inf", `"+Inf"`},
		{telemetry.Float(math.Inf(-1)), "-Inf", `"-Inf"`},
		{telemetry.Int(math.MaxInt64), "9223372036854775807", "9223372036854775807"},
		{telemetry.Int(math.MinInt64), "-9223372036854775808", "-9223372036854775808"},
		{telemetry.Bool(true), "true", "true"},
		{telemetry.Bool(false), "false", "false"},
		{telemetry.Text(""), "", `""`},
		{telemetry.Text(`a "b" \ > 5 °C`), `a "b" \ > 5 °C`, `"a \"b\" \\ > 5 °C"`},
		{telemetry.Text("a\tb\r\nc\x00\x1f"), "a\tb\r\nc\x00\x1f", `"a\tb\r\nc\u0000\u001f"`},
		{telemetry.Text("\xff\xe2\x82z"), "\xff\xe2\x82z", `"` + "\uFFFD\uFFFD\uFFFDz" + `"`},
	}
	for _, tt := range tests {
		if got := tt.v.String(); got != tt.text {
			t.Errorf("String() = %q, want %q", got, tt.text)
		}
		if got := string(tt.v.Append([]byte("x"))); got != "x"+tt.text {
			t.Errorf("Append() = %q, want %q", got, "x"+tt.text)
		}
		b, err := json.Marshal(struct{ V telemetry.Value }{tt.v})
		var raw struct{ V json.RawMessage }
		if err != nil || json.Unmarshal(b, &raw) != nil {
			t.Errorf("Marshal(%v) = %s, %v", tt.v, b, err)
		}
		if got := string(tt.v.AppendJSON([]byte("x"))); got != "x"+tt.json {
			t.Errorf("AppendJSON() = %s, want %s", got, "x"+tt.json)
		}
	}
}

// Values are the same exactly when they are ==, bit for bit.
func TestValueIdentity(t *testing.T) {
	payload := math.Float64frombits(0x7ff8_0000_0000_1234)
	for _, f := range []float64{0, math.Copysign(0, -1), 1, math.NaN(), payload, math.Inf(1), math.MaxFloat64} {
		v := telemetry.Float(f)
		if v != telemetry.Float(f) || math.Float64bits(v.Float()) != math.Float64bits(f) || v != telemetry.ValueOfBits(telemetry.KindFloat, v.Bits()) {
			t.Errorf("%v is not kept bit for bit", f)
		}
	}
	if telemetry.Float(math.NaN()) == telemetry.Float(payload) || telemetry.Float(0) == telemetry.Float(math.Copysign(0, -1)) {
		t.Error("different bits are the same value")
	}
	if telemetry.Int(0) == telemetry.Float(0) || telemetry.Bool(false) == telemetry.Int(0) || telemetry.Text("") == telemetry.Float(0) {
		t.Error("different kinds are the same value")
	}
	for _, i := range []int64{0, -1, math.MinInt64, math.MaxInt64} {
		if v := telemetry.Int(i); v.Int() != i || v != telemetry.ValueOfBits(telemetry.KindInt, v.Bits()) {
			t.Errorf("%d is not kept", i)
		}
	}
	if telemetry.ValueOfBits(telemetry.KindBool, 7) != telemetry.Bool(true) || telemetry.ValueOfBits(telemetry.KindText, 7) != telemetry.Text("") {
		t.Error("ValueOfBits makes values that no other way makes")
	}
}

func TestValueAccessors(t *testing.T) {
	tests := []struct {
		v      telemetry.Value
		kind   telemetry.Kind
		number float64
		ok     bool
	}{
		{telemetry.Float(2.5), telemetry.KindFloat, 2.5, true},
		{telemetry.Int(-3), telemetry.KindInt, -3, true},
		{telemetry.Bool(true), telemetry.KindBool, 1, true},
		{telemetry.Bool(false), telemetry.KindBool, 0, true},
		{telemetry.Text("7"), telemetry.KindText, 0, false},
	}
	for _, tt := range tests {
		f, ok := tt.v.Number()
		if tt.v.Kind() != tt.kind || f != tt.number || ok != tt.ok {
			t.Errorf("%v: kind %v, number %v, %v", tt.v, tt.v.Kind(), f, ok)
		}
		// Asked for as another kind, a value is that kind's zero.
		if tt.kind != telemetry.KindFloat && tt.v.Float() != 0 || tt.kind != telemetry.KindInt && tt.v.Int() != 0 ||
			tt.kind != telemetry.KindBool && tt.v.Bool() || tt.kind != telemetry.KindText && tt.v.Text() != "" {
			t.Errorf("%v has a value as another kind", tt.v)
		}
	}
}

// FuzzFloat shows that the text of a float reads back as the same float, and that its JSON is JSON.
func FuzzFloat(f *testing.F) {
	for _, seed := range []uint64{0, 1, 1 << 63, math.Float64bits(0.1), math.Float64bits(1e21), math.Float64bits(9.999999e-7), math.Float64bits(math.Inf(-1)), 0x7ff8000000000001} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, bits uint64) {
		v := telemetry.ValueOfBits(telemetry.KindFloat, bits)
		back, err := strconv.ParseFloat(v.String(), 64)
		same := math.Float64bits(back) == bits || math.IsNaN(back) && math.IsNaN(v.Float())
		if err != nil || !same {
			t.Errorf("%x written as %s reads back as %x, %v", bits, v, math.Float64bits(back), err)
		}
		if b := v.AppendJSON(nil); !json.Valid(b) {
			t.Errorf("%s is not JSON", b)
		}
	})
}

// FuzzAppendString compares with encoding/json's idea of a string.
func FuzzAppendString(f *testing.F) {
	for _, seed := range []string{"", "plain", "\"\\/\b\f\n\r\t", "\x00\x1f\x7f", "é€😀\u2028\u2029", "\xff", "a\xe2\x82", "\xed\xa0\x80", "\xf5\x80", "<&>", "\uFFFD"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := telemetry.AppendString([]byte("p"), s)
		if !utf8.Valid(b) {
			t.Fatalf("%q: not UTF-8: %q", s, b)
		}
		var got, want string
		if err := json.Unmarshal(b[1:], &got); err != nil {
			t.Fatalf("%q: %s: %v", s, b, err)
		}
		theirs, _ := json.Marshal(s)
		if err := json.Unmarshal(theirs, &want); err != nil || got != want {
			t.Fatalf("%q came back as %q, want %q", s, got, want)
		}
	})
}

func BenchmarkAppendString(b *testing.B) {
	buf := make([]byte, 0, 128)
	b.ReportAllocs()
	for b.Loop() {
		buf = telemetry.AppendString(buf[:0], "boiler at 84.2 °C for 30 s")
	}
}
