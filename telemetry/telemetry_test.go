package telemetry_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"fieldpost/telemetry"
)

func TestTimeFormat(t *testing.T) {
	tests := []struct {
		t    telemetry.Time
		want string
	}{
		{0, "1970-01-01T00:00:00.000Z"},
		{1, "1970-01-01T00:00:00.000000001Z"},
		{1_000, "1970-01-01T00:00:00.000001Z"},
		{1_000_000, "1970-01-01T00:00:00.001Z"},
		{1_500_000_000, "1970-01-01T00:00:01.500Z"},
		{-1, "1969-12-31T23:59:59.999999999Z"},
		{-1_000_000, "1969-12-31T23:59:59.999Z"},
		{1_782_907_200_123_456_000, "2026-07-01T12:00:00.123456Z"},
		{1_782_907_200_123_456_700, "2026-07-01T12:00:00.123456700Z"},
		{math.MaxInt64, "2262-04-11T23:47:16.854775807Z"},
		{math.MinInt64, "1677-09-21T00:12:43.145224192Z"},
	}
	for _, tt := range tests {
		if got := tt.t.String(); got != tt.want {
			t.Errorf("Time(%d) = %s, want %s", int64(tt.t), got, tt.want)
		}
		if got := string(tt.t.AppendFormat([]byte("at "))); got != "at "+tt.want {
			t.Errorf("AppendFormat: %s", got)
		}
		back, err := time.Parse(time.RFC3339Nano, tt.want)
		if err != nil || telemetry.TimeOf(back) != tt.t {
			t.Errorf("%s reads back as %d, %v", tt.want, telemetry.TimeOf(back), err)
		}
	}
}

func TestTimeOf(t *testing.T) {
	zone := time.FixedZone("", 2*3600)
	tests := []struct {
		in   time.Time
		want telemetry.Time
	}{
		{time.Unix(0, 0), 0},
		{time.Date(2026, 7, 1, 14, 0, 0, 5, zone), 1_782_907_200_000_000_005},
		{time.Time{}, math.MinInt64},
		{time.Date(1677, 9, 21, 0, 12, 43, 145224191, time.UTC), math.MinInt64},
		{time.Date(2262, 4, 11, 23, 47, 16, 854775808, time.UTC), math.MaxInt64},
		{time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), math.MaxInt64},
	}
	for _, tt := range tests {
		if got := telemetry.TimeOf(tt.in); got != tt.want {
			t.Errorf("TimeOf(%v) = %d, want %d", tt.in, got, tt.want)
		}
	}
	if got := telemetry.Time(5).Go(); got.Location() != time.UTC || got.UnixNano() != 5 {
		t.Errorf("Go() = %v", got)
	}
}

// Every name parses back to its number, no other text does, and a number without a name says so.
func TestNames(t *testing.T) {
	testName(t, telemetry.ParseQuality, "quality", "good", "uncertain", "bad")
	testName(t, telemetry.ParseLane, "lane", "alarm", "live", "bulk", "archive")
	testName(t, telemetry.ParseKind, "type", "float", "integer", "bool", "text")
	testName(t, telemetry.ParseSeverity, "severity", "info", "warning", "critical")
	testName(t, telemetry.ParseState, "state", "raised", "cleared")
	for i, want := range []string{"unset", "floor", "local", "sync", "clock state(4)"} {
		if got := telemetry.ClockState(i).String(); got != want {
			t.Errorf("ClockState(%d) = %s, want %s", i, got, want)
		}
	}
}

func testName[T interface {
	~uint8
	fmt.Stringer
}](t *testing.T, parse func(string) (T, error), what string, names ...string) {
	t.Helper()
	for i, name := range names {
		if got, err := parse(name); err != nil || got != T(i) || got.String() != name {
			t.Errorf("%s %s is %d (%s), %v; want %d", what, name, got, got, err, i)
		}
	}
	for _, bad := range []string{"", "nonsense", strings.ToUpper(names[0]), names[0] + " "} {
		if got, err := parse(bad); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("unknown %s %q", what, bad)) {
			t.Errorf("%s %q is %v, %v", what, bad, got, err)
		}
	}
	if got, want := T(200).String(), what+"(200)"; got != want {
		t.Errorf("unknown number is %s, want %s", got, want)
	}
}

func TestLanes(t *testing.T) {
	for i, l := range telemetry.Lanes() {
		if int(l) != i || !l.Valid() {
			t.Errorf("lane %d is %v", i, l)
		}
	}
	if n := len(telemetry.Lanes()); telemetry.Lane(n).Valid() || telemetry.Kind(4).Valid() || !telemetry.KindText.Valid() {
		t.Error("Valid is wrong at the end")
	}
}

func TestEpoch(t *testing.T) {
	for e, want := range map[telemetry.Epoch]string{0: "0000000000000000", 1: "0000000000000001", 0xdeadbeef: "00000000deadbeef", math.MaxUint64: "ffffffffffffffff"} {
		if got := e.String(); got != want {
			t.Errorf("epoch %d is %s", uint64(e), got)
		}
		if got, err := telemetry.ParseEpoch(want); err != nil || got != e {
			t.Errorf("ParseEpoch(%s) = %v, %v", want, got, err)
		}
	}
	for _, bad := range []string{"", "1", "00000000deadbee", "00000000deadbeef0", "00000000deadbeeg", "+000000000000001", "0x00000000000001", "0000_0000_0000_01"} {
		if got, err := telemetry.ParseEpoch(bad); err == nil {
			t.Errorf("ParseEpoch(%q) = %v", bad, got)
		}
	}
}

func TestStrings(t *testing.T) {
	id := telemetry.Identity{Node: "pi-7", Epoch: 0xab, Lane: telemetry.Bulk, Seq: 12}
	if got := id.String(); got != "pi-7/00000000000000ab/bulk/12" {
		t.Errorf("identity is %s", got)
	}
	s := telemetry.Series{Node: "pi-7", Device: "boiler", Metric: "temperature"}
	if got := s.String(); got != "pi-7/boiler/temperature" {
		t.Errorf("series is %s", got)
	}
}

func TestDoubtful(t *testing.T) {
	for c, want := range map[telemetry.ClockState]bool{telemetry.ClockUnset: true, telemetry.ClockFloor: true, telemetry.ClockLocal: false, telemetry.ClockSync: false} {
		if c.Doubtful() != want {
			t.Errorf("%v.Doubtful() = %v", c, !want)
		}
	}
}

func TestCheckNames(t *testing.T) {
	long := strings.Repeat("a", telemetry.MaxName)
	tests := []struct {
		s          string
		node, name bool
	}{
		{"a", true, true}, {"z9", true, true}, {long, true, true}, {long + "a", false, false}, {"", false, false},
		{"9a", true, false}, {"a-b", true, false}, {"a-", true, false}, {"-a", false, false}, {"a_b", false, true}, {"_a", false, false},
		{"A", false, false}, {"a/b", false, false}, {"a+", false, false}, {"#", false, false}, {"a b", false, false}, {"é", false, false}, {"a\x00", false, false}, {"a.b", false, false},
	}
	for _, tt := range tests {
		if err := telemetry.CheckNode(tt.s); (err == nil) != tt.node {
			t.Errorf("CheckNode(%q) = %v", tt.s, err)
		}
		if err := telemetry.CheckName(tt.s); (err == nil) != tt.name {
			t.Errorf("CheckName(%q) = %v", tt.s, err)
		}
	}
}

func TestUnits(t *testing.T) {
	for _, u := range []string{"Cel", "%RH", "Pa", "W", "kWh", "/", "1/s", "[degF]", "ug/m3"} {
		if !telemetry.KnownUnit(u) {
			t.Errorf("%s is not known", u)
		}
	}
	for _, u := range []string{"", "celsius", "°C", "pa", "KW"} {
		if telemetry.KnownUnit(u) {
			t.Errorf("%q is known", u)
		}
	}
	all := telemetry.Units()
	for i, u := range all {
		if i > 0 && all[i-1] >= u || !telemetry.KnownUnit(u) {
			t.Errorf("unit %q stands wrong", u)
		}
	}
	all[0] = "changed"
	if telemetry.KnownUnit("changed") {
		t.Error("Units hands out its own memory")
	}
}

// Package time says the same, digits beyond those needed apart.
func TestFormatAsPackageTime(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		at := telemetry.Time(random.Uint64()) / telemetry.Time([]int64{1, 1e3, 1e6, 1e9}[random.IntN(4)]) * telemetry.Time([]int64{1, 1e3, 1e6}[random.IntN(3)])
		want := at.Go().Format("2006-01-02T15:04:05.000000000Z")
		for strings.HasSuffix(want, "000Z") && len(want) > len("2006-01-02T15:04:05.000Z") {
			want = strings.TrimSuffix(want, "000Z") + "Z"
		}
		if got := at.String(); got != want {
			t.Fatalf("Time(%d) = %s, want %s", int64(at), got, want)
		}
	}
}

func BenchmarkAppendFormat(b *testing.B) {
	var buf []byte
	for i := range b.N {
		buf = telemetry.Time(1_782_907_200_000_000_000 + int64(i)*1e9).AppendFormat(buf[:0])
	}
}
