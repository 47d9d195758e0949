package history_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fieldpost/api"
	"fieldpost/history"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// transpose makes all blocks that there can be, and returns how many.
func (s *shelf) transpose() (n int) {
	s.t.Helper()
	for ; ; n++ {
		did, err := s.reader.Transpose(context.Background(), func(int64, uint64) bool { return true })
		if err != nil {
			s.t.Fatal(err)
		}
		if !did {
			return n
		}
	}
}

func (s *shelf) blockSize() int64 {
	n, _ := s.reader.Blocks()
	return n
}

// parts lists the files of blocks.
func (s *shelf) parts() []string {
	found, err := filepath.Glob(filepath.Join(s.dir, "*.blk*"))
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

// fill puts random frames: late, overlapping, of unknown clocks, stamped, of all kinds of values.
func (s *shelf) fill(rnd *rand.Rand, frames int) {
	for range frames {
		h := frame.Header{Node: fmt.Sprintf("pi-%d", rnd.IntN(3)), Clock: telemetry.ClockSync, Epoch: telemetry.Epoch(7 + rnd.IntN(2))}
		base := telemetry.Time(rnd.IntN(20000)) * second
		if rnd.IntN(5) == 0 {
			h.Clock, h.Boot = telemetry.ClockUnset, boot1
			base = telemetry.Time(rnd.IntN(3000)) * second
		}
		recs := make([]frame.Record, 1+rnd.IntN(200))
		for i := range recs {
			recs[i] = frame.Record{
				Series: uint32(rnd.IntN(2)), Time: base + telemetry.Time(i*rnd.IntN(20))*second, Value: telemetry.Float(float64(rnd.IntN(1000)) / 8),
				Quality: telemetry.Quality(rnd.IntN(3)), Stamped: rnd.IntN(9) == 0,
			}
			switch rnd.IntN(20) {
			case 0:
				recs[i].Value = telemetry.Text(fmt.Sprint("state ", rnd.IntN(4)))
			case 1:
				recs[i].Value = telemetry.Int(rnd.Int64())
			case 2:
				recs[i].Value = telemetry.Bool(rnd.IntN(2) == 0)
			case 3:
				recs[i].Value = telemetry.Float([]float64{math.Inf(1), 1e300, -0.1}[rnd.IntN(3)])
			}
		}
		s.put(h, telemetry.Time(rnd.IntN(1e6))*second, recs...)
	}
}

// Random frames; blocks of what is sealed, of stretches of what is open, and of all; random questions. Proven: what comes out is what comes out of the
// journal alone, whatever is in blocks, damaged ones included, and after opening again.
func TestBlocksAnswerAsTheJournalDoes(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 11))
			known := seed%2 == 0
			clock := func(h frame.Header) (int64, bool) { return history.Resolve(h, bootTable[h.Boot], known) }
			s := newShelf(t, 1, history.NewCatalogue(), clock)
			made := 0
			for round := range 6 {
				s.fill(rnd, 40)
				made += s.transpose()
				if round == 3 {
					if made == 0 {
						t.Fatal("no blocks were made")
					}
					before := s.parts()
					s.reopen(history.NewCatalogue())
					if after := s.parts(); !slices.Equal(before, after) {
						t.Fatalf("opening changed the blocks:\nfrom %q\n  to %q", before, after)
					}
				}
				if round == 4 {
					spoil(t, rnd, s.parts())
				}
				for range 8 {
					s.askAnything(rnd, clock)
				}
			}
			if n := len(s.parts()); n < 3 {
				t.Fatalf("%d parts at the end: too few to tell", n)
			}
		})
	}
}

// spoil damages files: a byte turned over, an end cut off, one gone.
func spoil(t *testing.T, rnd *rand.Rand, paths []string) {
	for i, path := range paths {
		b, err := os.ReadFile(path)
		if err == nil {
			switch i % 4 {
			case 0:
				b[rnd.IntN(len(b))] ^= 1 << rnd.IntN(8)
				err = os.WriteFile(path, b, 0o600)
			case 1:
				err = os.WriteFile(path, b[:rnd.IntN(len(b))], 0o600)
			case 2:
				err = os.Remove(path)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// askAnything asks for readings of some series in some span, at once and in pages, and for what they come to by spans.
func (s *shelf) askAnything(rnd *rand.Rand, clock history.Clock) {
	s.t.Helper()
	all := make([]api.Reading, len(s.all))
	for i, r := range s.all {
		if all[i] = r; r.ClockUnset { // as put told: neither stamped nor of a known clock
			delta, unset := clock(frame.Header{Boot: boot1, Clock: telemetry.ClockUnset})
			all[i].Time, all[i].ClockUnset = r.Time+telemetry.Time(delta), unset
		}
	}
	q := api.Query{From: telemetry.Time(rnd.IntN(20000)) * second, Descending: rnd.IntN(2) == 0}
	q.To = q.From + telemetry.Time(rnd.IntN(15000))*second
	q.Metric = []string{"temperature", "temperature_mean"}[rnd.IntN(2)]
	if rnd.IntN(3) > 0 {
		q.Node = fmt.Sprintf("pi-%d", rnd.IntN(3))
	}
	want := answer(all, q)
	wantReadings(s.t, gather(s.t, s.reader.Readings(context.Background(), q)), want)
	if len(want) > 3 {
		c := want[len(want)/3].Cursor()
		q := q
		q.After = &c
		wantReadings(s.t, gather(s.t, s.reader.Readings(context.Background(), q)), want[len(want)/3+1:])
	}
	step := []telemetry.Time{600 * second, 3600 * second, 7200 * second, 86400 * second}[rnd.IntN(4)]
	span := func(t telemetry.Time) telemetry.Time { return t - t%step }
	var got []api.Portion
	for tries := 0; ; tries++ { // what is found damaged on the way is put aside, and asked for again
		var failed error
		got = got[:0]
		for p, err := range s.reader.Portions(context.Background(), q, span) {
			if failed = err; err == nil {
				got = append(got, p)
			}
		}
		if failed == nil {
			break
		}
		if tries > 100 {
			s.t.Fatal(failed)
		}
	}
	inOrder := func(a, b api.Portion) int {
		if q.Descending {
			a, b = b, a
		}
		return cmp.Compare(span(a.Time), span(b.Time))
	}
	if !slices.IsSortedFunc(got, inOrder) {
		s.t.Fatalf("the spans are not in order")
	}
	wantSums(s.t, sums(got, span), sums(portions(want), span))
}

func portions(rs []api.Reading) []api.Portion {
	out := make([]api.Portion, len(rs))
	for i := range rs {
		out[i].Reading = rs[i]
	}
	return out
}

type spanOf struct {
	series telemetry.Series
	unit   string
	start  telemetry.Time
}

func sums(ps []api.Portion, span func(telemetry.Time) telemetry.Time) map[spanOf]api.Summary {
	out := map[spanOf]api.Summary{}
	for _, p := range ps {
		k := spanOf{p.Series, p.Unit, span(p.Time)}
		sum := out[k]
		if p.Of != nil {
			sum.Join(p.Of)
		} else {
			sum.Add(p.Value, p.Quality)
		}
		if sum.Count > 0 {
			out[k] = sum
		}
	}
	return out
}

func wantSums(t testing.TB, got, want map[spanOf]api.Summary) {
	t.Helper()
	if !maps.EqualFunc(got, want, func(a, b api.Summary) bool {
		x, y := a.Mean().Float(), b.Mean().Float()
		near := x == y || a.Numbers == 0 || math.IsNaN(x) && math.IsNaN(y) || math.Abs(x-y) <= 1e-12*math.Abs(y)
		return near && a.Count == b.Count && a.Numbers == b.Numbers && same(a.Min, b.Min) && same(a.Max, b.Max)
	}) {
		t.Fatalf("sums differ:\n got %+v\nwant %+v", got, want)
	}
}

// same reports whether two extremes are equal as numbers: of equal ones it is chance which kind comes first.
func same(a, b telemetry.Value) bool {
	x, _ := a.Number()
	y, _ := b.Number()
	return a == b || x == y
}

// Blocks of another state of the journal than it is in now are not believed: a folder put back from a backup over a newer one leaves them lying there.
func TestBlocksOfAnotherJournal(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 5))
	s := newShelf(t, 1, history.NewCatalogue(), nil)
	s.fill(rnd, 200)
	s.transpose()
	stray := s.parts()
	other := newShelf(t, 1, history.NewCatalogue(), nil)
	other.fill(rnd, 200)
	for _, path := range stray {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(other.dir, filepath.Base(path)), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(other.dir, "00000000000000000009.blk.tmp"), []byte("cut off"), 0o600); err != nil {
		t.Fatal(err)
	}
	other.reopen(history.NewCatalogue())
	if left := other.parts(); len(left) != 0 {
		t.Fatalf("these are believed: %q", left)
	}
	for range 10 {
		other.askAnything(rnd, history.Clock(func(h frame.Header) (int64, bool) { return 0, h.Clock.Doubtful() }))
	}
}

// A segment that is dropped takes its blocks with it; a reader that was under way is not disturbed by what takes their place.
func TestBlocksGoWithTheirSegment(t *testing.T) {
	s := newShelf(t, 1, history.NewCatalogue(), nil)
	s.fill(rand.New(rand.NewPCG(6, 6)), 300)
	s.transpose()
	q := api.Query{Filter: api.Filter{Metric: "temperature"}, From: everything.From, To: everything.To}
	want := answer(s.all, q)
	var got []api.Reading
	for r, err := range s.reader.Readings(context.Background(), q) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, r); len(got) == 10 {
			if err := s.journal.Rotate(); err != nil {
				t.Fatal(err)
			}
			s.transpose()
		}
	}
	wantReadings(t, got, want)
	if !s.reader.DropOldestBlock() || s.blockSize() == 0 {
		t.Fatal("the oldest blocks cannot be dropped alone")
	}
	for _, seg := range s.journal.Segments() {
		if seg.Sealed {
			if err := s.reader.Drop(seg); err != nil {
				t.Fatal(err)
			}
		}
	}
	if left := s.parts(); len(left) != 0 || s.blockSize() != 0 {
		t.Fatalf("left over: %q, %d bytes", left, s.blockSize())
	}
}

// A journal that leaves positions out, as one that lost its end does: blocks are made of what is there, once.
func TestBlocksOfAJournalWithHoles(t *testing.T) {
	s := newShelf(t, 1, history.NewCatalogue(), nil)
	rnd := rand.New(rand.NewPCG(8, 8))
	for i := range 4 {
		s.fill(rnd, 60)
		if err := s.journal.SkipTo(s.journal.Next() + 1000); err != nil {
			t.Fatal(err)
		}
		if i == 3 {
			break // the open segment ends in one
		}
		if err := s.journal.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	if s.transpose() == 0 {
		t.Fatal("no blocks were made")
	}
	before := s.parts()
	s.reopen(history.NewCatalogue())
	if after := s.parts(); !slices.Equal(before, after) {
		t.Fatalf("opening changed the blocks:\nfrom %q\n  to %q", before, after)
	}
	for range 10 {
		s.askAnything(rnd, func(h frame.Header) (int64, bool) { return 0, h.Clock.Doubtful() })
	}
}
