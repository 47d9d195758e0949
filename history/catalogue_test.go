package history_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"fieldpost/api"
	"fieldpost/history"
	"fieldpost/journal"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

func listSeries(t testing.TB, s *shelf, f api.Filter) []string {
	t.Helper()
	list, err := history.Merge(s.series, s.reader).Series(context.Background(), f)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range list {
		out = append(out, fmt.Sprintf("%s %s %s %v %s=%s %s=%s", e.Series, e.Unit, e.Kind, e.Labels,
			e.First.Time.Go().Format("05"), e.First.Value, e.Last.Time.Go().Format("05"), e.Last.Value))
	}
	return out
}

func wantStrings(t testing.TB, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got  %q\nwant %q", got, want)
	}
}

func TestSeries(t *testing.T) {
	s := newShelf(t, 1, history.NewCatalogue(), nil)
	h := frame.Header{Node: "pi", Clock: telemetry.ClockSync}
	s.put(h, 1, float(temperature, 10*second, 1), float(temperature, 30*second, 3), frame.Record{Series: running, Time: 11 * second, Value: telemetry.Bool(true)})
	s.put(h, 2, float(temperature, 20*second, 2), float(temperatureMean, 20*second, 2.5))
	want := []string{
		"pi/boiler/temperature Cel float map[room:b12 site:north] 10=1 30=3",
		"pi/boiler/temperature_mean Cel float map[room:b12 site:north] 20=2.5 20=2.5",
		"pi/pump/running  bool map[site:north] 11=true 11=true",
	}
	wantStrings(t, listSeries(t, s, api.Filter{}), want)
	wantStrings(t, listSeries(t, s, api.Filter{Node: "pi", Device: "pump"}), want[2:])
	wantStrings(t, listSeries(t, s, api.Filter{Node: "pi-2"}), nil)

	// Written to a state file and read back, it goes on from there without the journal.
	state, _, err := journal.OpenState(filepath.Join(t.TempDir(), "state.db"), "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := state.Close(); err != nil {
			t.Error(err)
		}
	})
	puts := map[string][]byte{}
	if _, err := s.series.Save(puts); err != nil {
		t.Fatal(err)
	}
	if err := state.Update(puts); err != nil {
		t.Fatal(err)
	}
	again := map[string][]byte{}
	if _, err := s.series.Save(again); err != nil {
		t.Fatal(err)
	}
	if keys := slices.Collect(maps.Keys(again)); len(keys) != 1 {
		t.Fatalf("with nothing changed, Save writes %q", keys)
	}
	back := history.NewCatalogue()
	if err := back.Load(state); err != nil {
		t.Fatal(err)
	}
	if back.Covered(1) != s.journal.Next() {
		t.Fatalf("covered up to %d, want %d", back.Covered(1), s.journal.Next())
	}
	s.reopen(back)
	wantStrings(t, listSeries(t, s, api.Filter{}), want)

	// Without the state file it is worked out from the journal.
	s.reopen(history.NewCatalogue())
	wantStrings(t, listSeries(t, s, api.Filter{}), want)
}

// When the journal drops its oldest segment, first readings move on, and series of which nothing is left go.
func TestSeriesForgetsWhatIsDropped(t *testing.T) {
	s := newShelf(t, 1, history.NewCatalogue(), nil)
	h := frame.Header{Node: "pi", Clock: telemetry.ClockSync}
	s.put(h, 1, float(temperature, 10*second, 1), frame.Record{Series: running, Time: 11 * second, Value: telemetry.Bool(true)})
	if err := s.journal.Rotate(); err != nil {
		t.Fatal(err)
	}
	s.put(h, 2, float(temperature, 20*second, 2), float(temperature, 25*second, 2.5))
	oldest := s.journal.Segments()[0]
	if err := s.reader.Drop(oldest); err != nil {
		t.Fatal(err)
	}
	s.all = s.all[2:]
	s.wantAnswer(everything)
	for range 2 { // looked up, and as remembered
		wantStrings(t, listSeries(t, s, api.Filter{}), []string{"pi/boiler/temperature Cel float map[room:b12 site:north] 20=2 25=2.5"})
	}
}
