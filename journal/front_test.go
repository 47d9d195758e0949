package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"fieldpost/journal"
	"fieldpost/journal/front"
	"fieldpost/telemetry/ranges"
)

// node is a folder with a front and the journals behind it.
type node struct {
	t     *testing.T
	dir   string
	front *front.Front
	lanes map[string]*journal.Journal
}

// start opens the journals of the given names in dir.
func startNode(t *testing.T, dir string, names ...string) (*node, []journal.Damage) {
	t.Helper()
	f, err := front.Open(dir, binding, front.Options{})
	check(t, err)
	n := &node{t: t, dir: dir, front: f, lanes: map[string]*journal.Journal{}}
	var damages []journal.Damage
	for _, name := range names {
		damages = append(damages, n.open(name)...)
	}
	t.Cleanup(n.stop)
	return n, damages
}

func (n *node) open(name string) []journal.Damage {
	n.t.Helper()
	j, damages, err := journal.Open(filepath.Join(n.dir, name), journal.Options{Binding: binding, Front: n.front, Name: name})
	check(n.t, err)
	n.lanes[name] = j
	return damages
}

func (n *node) stop() {
	for _, j := range n.lanes {
		check(n.t, j.Close())
	}
	check(n.t, n.front.Close())
}

// killed returns a copy of the folder as kill -9 would leave it.
func (n *node) killed() string {
	n.t.Helper()
	to := n.t.TempDir()
	check(n.t, os.CopyFS(to, os.DirFS(n.dir)))
	return to
}

// frontFile returns the one front file in dir.
func frontFile(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "front.*"))
	check(t, err)
	if len(found) != 1 {
		t.Fatalf("front files %v", found)
	}
	return found[0]
}

// big is an append that goes past the front, and takes along what is there.
func big(t *testing.T, j *journal.Journal) uint64 {
	t.Helper()
	e := []journal.Entry{{Count: 1, Data: payload(j.Next(), 1, front.Largest)}}
	check(t, j.Append(e...))
	return e[0].Pos
}

func positions(t *testing.T, j *journal.Journal) (at []uint64) {
	t.Helper()
	for _, e := range readFrom(t, j, 0) {
		at = append(at, e.Pos)
	}
	return at
}

// What stands in front survives kill -9, under any share of journals that come back, and is in the segments then.
func TestFrontSurvivesAKill(t *testing.T) {
	n, _ := startNode(t, t.TempDir(), "alarm", "live")
	alarm, live := fill(t, n.lanes["alarm"], 3), fill(t, n.lanes["live"], 20)
	dir := n.killed()
	for round := range 3 {
		again, damages := startNode(t, dir, "alarm", "live")
		if len(damages) > 0 {
			t.Fatalf("round %d: %v", round, damages)
		}
		wantEntries(t, again.lanes["alarm"], alarm)
		wantEntries(t, again.lanes["live"], live)
		live = append(live, fill(t, again.lanes["live"], 2)...)
		dir = again.killed()
	}
	// The segments alone: the front had nothing that is not in them, but for the last round's.
	check(t, os.Remove(frontFile(t, dir)))
	last, _ := startNode(t, dir, "live")
	wantEntries(t, last.lanes["live"], live[:len(live)-2])
}

// A commit in front and the one that takes it into the segment are one after the other; killed at any time between, nothing is there twice.
func TestFrontBesideNewerSegments(t *testing.T) {
	n, _ := startNode(t, t.TempDir(), "live", "bulk")
	j := n.lanes["live"]
	fill(t, n.lanes["bulk"], 1) // has the file stay
	at := fill(t, j, 10)
	older := n.killed()
	at = append(at, big(t, j))
	check(t, j.Rotate())
	at = append(at, fill(t, j, 3)...)
	newer := n.killed()

	t.Run("front put back", func(t *testing.T) {
		dir := n.killed()
		b, err := os.ReadFile(frontFile(t, older))
		check(t, err)
		check(t, os.WriteFile(frontFile(t, dir), b, 0o600))
		again, damages := startNode(t, dir, "live")
		if len(damages) > 0 || !slices.Equal(positions(t, again.lanes["live"]), at[:11]) {
			t.Errorf("%v, damages %v", positions(t, again.lanes["live"]), damages)
		}
	})
	t.Run("segments put back", func(t *testing.T) {
		dir := n.killed()
		check(t, os.RemoveAll(filepath.Join(dir, "live")))
		check(t, os.CopyFS(filepath.Join(dir, "live"), os.DirFS(filepath.Join(older, "live"))))
		again, damages := startNode(t, dir, "live")
		want := append(slices.Clone(at[:10]), at[11:]...)
		lost := ranges.Make(ranges.Range{From: at[10], To: at[10]})
		if len(damages) != 1 || !damages[0].Lost.Equal(lost) || !slices.Equal(positions(t, again.lanes["live"]), want) {
			t.Errorf("%v, want %v; damages %v", positions(t, again.lanes["live"]), want, damages)
		}
	})
	t.Run("sealed segment dropped", func(t *testing.T) {
		again, _ := startNode(t, newer, "live")
		check(t, again.lanes["live"].Drop(1))
		third, damages := startNode(t, again.killed(), "live")
		if len(damages) > 0 || !slices.Equal(positions(t, third.lanes["live"]), at[11:]) {
			t.Errorf("%v, damages %v", positions(t, third.lanes["live"]), damages)
		}
	})
}

// A record that a failed write left in the front file is not taken for what was appended later under its positions.
func TestFrontRemembersNoFailedWrite(t *testing.T) {
	n, _ := startNode(t, t.TempDir(), "live", "bulk")
	fill(t, n.lanes["bulk"], 1)
	at := fill(t, n.lanes["live"], 5)
	failed := n.killed()
	// As if the fifth had failed: the journal was closed and opened again, and goes on under other content.
	dir := n.t.TempDir()
	m, _ := startNode(t, dir, "live", "bulk")
	fill(t, m.lanes["bulk"], 1)
	fill(t, m.lanes["live"], 4)
	check(t, m.lanes["live"].Close())
	m.open("live")
	e := []journal.Entry{{Count: 1, Data: []byte("another")}}
	check(t, m.lanes["live"].Append(e...))
	if e[0].Pos != at[4] {
		t.Fatalf("went on at %d, want %d", e[0].Pos, at[4])
	}
	fork := m.killed()
	b, err := os.ReadFile(frontFile(t, failed))
	check(t, err)
	check(t, os.WriteFile(filepath.Join(fork, "front.00000000000000000009"), rename(t, b, 9), 0o600))
	again, damages := startNode(t, fork, "live")
	got := readFrom(t, again.lanes["live"], 0)
	if len(damages) > 0 || len(got) != 5 || string(got[4].Data) != "another" {
		t.Errorf("%d entries, the last %.20q, damages %v", len(got), got[len(got)-1].Data, damages)
	}
}

// rename makes the front file b one of another generation.
func rename(t *testing.T, b []byte, generation uint64) []byte {
	t.Helper()
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "front.00000000000000000001"), b, 0o600))
	from, err := front.Open(dir, binding, front.Options{})
	check(t, err)
	_, payloads, _, err := from.Join("live", func() {})
	check(t, err)
	check(t, from.Close())
	to := t.TempDir()
	check(t, os.WriteFile(filepath.Join(to, fmt.Sprintf("front.%020d", generation-1)), nil, 0o600))
	f, err := front.Open(to, binding, front.Options{})
	check(t, err)
	m, _, _, err := f.Join("live", func() {})
	check(t, err)
	for _, p := range payloads {
		check(t, m.Append(p))
	}
	m.Leave(nil)
	check(t, f.Close())
	out, err := os.ReadFile(filepath.Join(to, fmt.Sprintf("front.%020d", generation)))
	check(t, err)
	return out
}

// Damage in the front file costs the records that it hit, and they are named.
func TestFrontDamaged(t *testing.T) {
	n, _ := startNode(t, t.TempDir(), "live")
	at := fill(t, n.lanes["live"], 12)
	dir := n.killed()
	path := frontFile(t, dir)
	b, err := os.ReadFile(path)
	check(t, err)
	lost := ranges.Set{}
	for _, i := range []int{3, 4, 8} {
		b[bytes.Index(b, entryAt(at[i]).Data)] ^= 1
		lost.Add(ranges.Range{From: at[i], To: at[i+1] - 1})
	}
	check(t, os.WriteFile(path, b, 0o600))
	again, damages := startNode(t, dir, "live")
	if len(damages) != 1 || !damages[0].Lost.Equal(lost) || !errors.Is(damages[0].Cause, journal.ErrDamaged) || damages[0].Path == "" {
		t.Errorf("damages %+v, want %v lost", damages, lost)
	}
	want := slices.DeleteFunc(slices.Clone(at), func(pos uint64) bool { return lost.Has(pos) })
	if got := positions(t, again.lanes["live"]); !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
	// The table that the lost ones brought may be missing; the others bring it anew.
	if fill(t, again.lanes["live"], 1)[0] != at[11]+uint64(entryAt(at[11]).Count) {
		t.Error("numbering did not go on")
	}
}

// The open segment goes bad while there is something in front of it: that moves to the next one.
func TestOpenSegmentDamagedBehindTheFront(t *testing.T) {
	n, _ := startNode(t, t.TempDir(), "live")
	j := n.lanes["live"]
	at := fill(t, j, 20)
	big(t, j) // spans pages, and is lost with them
	inFront := fill(t, j, 5)
	inPlace(t, j.Segments()[0].Path, spoilHeaders)
	got := positions(t, j)
	if want := append(slices.Clone(at), inFront...); !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
	if len(j.Damages()) != 1 || len(j.Segments()) != 2 || j.Segments()[1].First != inFront[0] {
		t.Errorf("damages %v, segments %v", j.Damages(), j.Segments())
	}
	inFront = append(inFront, fill(t, j, 2)...)
	again, damages := startNode(t, n.killed(), "live")
	if got := positions(t, again.lanes["live"]); len(damages) > 0 || !slices.Equal(got, append(slices.Clone(at), inFront...)) {
		t.Errorf("after a kill %v, damages %v", got, damages)
	}
}

// On a disk that is full the journal opens with what is in front, and puts it away when there is room.
func TestFrontOnAFullDisk(t *testing.T) {
	dir := smallDisk(t)
	n, _ := startNode(t, dir, "live")
	j := n.lanes["live"]
	at := fill(t, j, 5)
	big(t, j)
	at = append(at, j.Next()-1)
	at = append(at, fill(t, j, 5)...)
	hog, err := os.Create(filepath.Join(dir, "hog"))
	check(t, err)
	for err == nil {
		_, err = hog.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	// The front file has its room: small commits go on.
	at = append(at, fill(t, j, 5)...)
	if got := positions(t, j); !slices.Equal(got, at) {
		t.Fatalf("kept %v, want %v", got, at)
	}
	// However long it lasts, an error names it in the end.
	for err = nil; err == nil; {
		e := []journal.Entry{entryAt(j.Next())}
		if err = j.Append(e...); err == nil {
			at = append(at, e[0].Pos)
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	check(t, j.Close())
	if damages := n.open("live"); len(damages) > 0 {
		t.Errorf("damages %v", damages)
	}
	j = n.lanes["live"]
	if got := positions(t, j); !slices.Equal(got, at) {
		t.Fatalf("opened again: kept %v, want %v", got, at)
	}
	check(t, hog.Close())
	check(t, os.Remove(hog.Name()))
	at = append(at, fill(t, j, 3)...)
	if got := positions(t, j); !slices.Equal(got, at) {
		t.Fatalf("with room again: kept %v, want %v", got, at)
	}
	again, damages := startNode(t, n.killed(), "live")
	if got := positions(t, again.lanes["live"]); len(damages) > 0 || !slices.Equal(got, at) {
		t.Errorf("after a kill %v, damages %v", got, damages)
	}
}

// Readers see what stands in front as they see the rest, however the reads are cut.
func TestReadAcrossTheFront(t *testing.T) {
	n, _ := startNode(t, t.TempDir(), "live")
	j := n.lanes["live"]
	at := fill(t, j, 10)
	at = append(at, big(t, j))
	at = append(at, fill(t, j, 10)...)
	r := rand.New(rand.NewPCG(4, 4))
	for range 200 {
		from := r.Uint64N(at[len(at)-1] + 2)
		budget := r.IntN(3000)
		i, _ := slices.BinarySearch(at, from)
		if i > 0 && at[i-1] != at[10] && at[i-1]+uint64(entryAt(at[i-1]).Count) > from {
			i-- // from lies within that entry
		}
		for pos := from; ; {
			got, err := j.Read(pos, budget)
			check(t, err)
			if len(got) == 0 {
				break
			}
			for _, e := range got {
				if i >= len(at) || e.Pos != at[i] {
					t.Fatalf("from %d: entry %d, want number %d of %v", from, e.Pos, i, at)
				}
				i++
				pos = e.Pos + uint64(e.Count)
			}
		}
		if i != len(at) {
			t.Fatalf("from %d: %d of %d", from, i, len(at))
		}
	}
	count := 0
	check(t, j.Heads(0, 8, func(e journal.Entry) error {
		if len(e.Data) > 8 || e.Pos != at[count] {
			t.Fatalf("head of %d with %d bytes", e.Pos, len(e.Data))
		}
		count++
		return nil
	}))
	if count != len(at) {
		t.Errorf("%d heads", count)
	}
}
