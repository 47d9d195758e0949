package setting_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"fieldpost/configs/setting"
)

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "500ms": 500 * time.Millisecond, "1s": time.Second, "10m": 10 * time.Minute, "1h30m": 90 * time.Minute,
		"1.5h": 90 * time.Minute, "30d": 720 * time.Hour, "2w1d": 360 * time.Hour, "0.5ms": 500 * time.Microsecond, ".5s": 500 * time.Millisecond,
		"106751d": 106751 * 24 * time.Hour, "9223372036854ms": 9223372036854 * time.Millisecond, "1m1m": 2 * time.Minute,
	} {
		var d setting.Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || d.Go() != want {
			t.Errorf("%q: got %v, %v; want %v", text, d.Go(), err, want)
		}
	}
	for text, want := range map[string]string{
		"": "write a number and a unit", "5": "write a number and a unit", "-5s": "write a number and a unit", "s": "write a number and a unit",
		"1h 30m": `"h " is no unit`, "5 s": `" s" is no unit`, "5y": `"y" is no unit`, "5S": `"S" is no unit`, "1e3s": `"e" is no unit`,
		"1.2.3s": `"1.2.3" is not a number`, ".s": `"." is not a number`, "1h5": "write a number and a unit",
		"106752d": "longer than 292 years", "106751d1d": "longer than 292 years", "99999999999999999999d": "longer than 292 years", "999999999999999.5w": "longer than 292 years",
	} {
		d := setting.Duration(7)
		err := d.UnmarshalText([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
		if d != 7 {
			t.Errorf("%q: was set to %d in spite of the error", text, d)
		}
	}
}

func TestDurationString(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0", time.Millisecond: "1ms", 400 * time.Microsecond: "0", 90 * time.Minute: "1h30m", 8 * 24 * time.Hour: "1w1d", 1500 * time.Millisecond: "1s500ms",
	} {
		if got := setting.Duration(d).String(); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}

func TestDurationOrOff(t *testing.T) {
	for text, want := range map[string]string{"off": "off", "5m": "5m", "1h30m": "1h30m"} {
		var d setting.DurationOrOff
		if err := d.UnmarshalText([]byte(text)); err != nil || d.String() != want {
			t.Errorf("%q: got %v, %v", text, d, err)
		}
	}
	for _, text := range []string{"0", "0s", "Off", "never", ""} {
		var d setting.DurationOrOff
		if err := d.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: got %v, want an error", text, d)
		}
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "0GiB": 0, "512B": 512, "1KiB": 1024, "1.5MiB": 3 << 19, "2GiB": 2 << 30, "2 GiB": 2 << 30, "8589934591GiB": 8589934591 << 30,
	} {
		var s setting.Size
		if err := s.UnmarshalText([]byte(text)); err != nil || int64(s) != want {
			t.Errorf("%q: got %d, %v; want %d", text, s, err, want)
		}
	}
	for text, want := range map[string]string{
		"": "write a number and a unit", "5": "write a number and a unit", "5GB": "write a number and a unit", "5G": "write a number and a unit",
		"-1KiB": "write a number and a unit", "NaNKiB": "write a number and a unit", "infKiB": "write a number and a unit", "0x10KiB": "write a number and a unit",
		"1e3KiB": "write a number and a unit", "GiB": "write a number and a unit", "8589934592GiB": "more than 8 EiB",
	} {
		var s setting.Size
		if err := s.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	for s, want := range map[setting.Size]string{0: "0", 1: "1B", 1024: "1KiB", 3 << 19: "1536KiB", 2 << 30: "2GiB", 2<<30 + 1: "2147483649B"} {
		if got := s.String(); got != want {
			t.Errorf("%d: got %q, want %q", int64(s), got, want)
		}
	}
}

// What is written is read back as the same value: a size exactly, a duration to the millisecond.
func FuzzRoundTrip(f *testing.F) {
	for _, n := range []int64{0, 1, 999_999, 1_000_000, math.MaxInt64, 1 << 40, 86_400_000_000_000} {
		f.Add(n)
	}
	f.Fuzz(func(t *testing.T, n int64) {
		n &= math.MaxInt64
		var s setting.Size
		if err := s.UnmarshalText([]byte(setting.Size(n).String())); err != nil || int64(s) != n {
			t.Errorf("size %d: got %d, %v", n, s, err)
		}
		n = n / 1e6 * 1e6
		var d setting.Duration
		if err := d.UnmarshalText([]byte(setting.Duration(n).String())); err != nil || int64(d) != n {
			t.Errorf("duration %d: got %d, %v", n, d, err)
		}
	})
}

// Nothing that can be written panics or gives a negative value.
func FuzzText(f *testing.F) {
	for _, s := range []string{"1h30m", "0", "9e99w", "999999999999999999999ms", "1.s", "5GiB", "1.7976931348623157GiB", "..B", "٣s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var d setting.Duration
		if err := d.UnmarshalText([]byte(text)); err == nil && d < 0 {
			t.Errorf("duration %q is %d", text, d)
		}
		var s setting.Size
		if err := s.UnmarshalText([]byte(text)); err == nil && s < 0 {
			t.Errorf("size %q is %d", text, s)
		}
	})
}
