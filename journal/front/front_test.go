package front_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"fieldpost/journal/front"
)

const binding = "pi-7"

func open(t *testing.T, dir string) *front.Front {
	t.Helper()
	f, err := front.Open(dir, binding, front.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, f.Close()) })
	return f
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func join(t *testing.T, f *front.Front, name string) (*front.Member, []string) {
	t.Helper()
	m, payloads, _, err := f.Join(name, func() {})
	check(t, err)
	var got []string
	for _, p := range payloads {
		got = append(got, string(p))
	}
	return m, got
}

// leftIn returns what a front opened on a copy of dir, as after kill -9, hands over under each name.
func leftIn(t *testing.T, dir string, names ...string) [][]string {
	t.Helper()
	to := t.TempDir()
	check(t, os.CopyFS(to, os.DirFS(dir)))
	f := open(t, to)
	var out [][]string
	for _, n := range names {
		_, got := join(t, f, n)
		out = append(out, got)
	}
	return out
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "front.*"))
	check(t, err)
	return found
}

// A record that fits into a block changes one block: that is what its sync writes.
func TestARecordKeepsToItsBlock(t *testing.T) {
	const block = 4096
	dir := t.TempDir()
	f := open(t, dir)
	m, _ := join(t, f, "live")
	check(t, m.Append([]byte("the first one makes the file")))
	want := []string{"the first one makes the file"}
	path := files(t, dir)[0]
	before, err := os.ReadFile(path)
	check(t, err)
	for _, n := range []int{1, 700, 700, 700, 700, 700, 700, 1500, 1500, 1500, 2100, 2100, 4000, 4050, 1, 4050, 4060, 9000, 9000, 1, 12000} {
		payload := bytes.Repeat([]byte("x"), n)
		check(t, m.Append(payload))
		want = append(want, string(payload))
		after, err := os.ReadFile(path)
		check(t, err)
		changed := 0
		for at := 0; at < len(after); at += block {
			if !bytes.Equal(before[at:at+block], after[at:at+block]) {
				changed++
			}
		}
		record := len(front.Record(nil, 1, 1, "live", payload))
		if most := (record+block-1)/block + 1; changed > most || record <= block && changed != 1 {
			t.Errorf("a record of %d bytes changed %d blocks", record, changed)
		}
		before = after
	}
	if got := leftIn(t, dir, "live"); !slices.Equal(got[0], want) {
		t.Errorf("%d records came back, want %d", len(got[0]), len(want))
	}
}

func TestAppendedComesBackUntilFolded(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	if got := files(t, dir); got != nil {
		t.Fatalf("files %v before the first append", got)
	}
	live, _ := join(t, f, "live")
	alarm, _ := join(t, f, "alarm")
	for i := range 3 {
		check(t, live.Append(fmt.Appendf(nil, "reading %d", i)))
		check(t, alarm.Append(fmt.Appendf(nil, "event %d", i)))
	}
	want := [][]string{{"reading 0", "reading 1", "reading 2"}, {"event 0", "event 1", "event 2"}, nil}
	if got := leftIn(t, dir, "live", "alarm", "bulk"); !slices.EqualFunc(got, want, slices.Equal) {
		t.Fatalf("got %v", got)
	}
	live.Folded()
	check(t, live.Append([]byte("reading 3")))
	want = [][]string{{"reading 0", "reading 1", "reading 2", "reading 3"}, want[1]}
	// The file has it still; that it was folded is for the journal to see.
	if got := leftIn(t, dir, "live", "alarm"); !slices.EqualFunc(got, want, slices.Equal) {
		t.Fatalf("got %v", got)
	}
	live.Folded()
	alarm.Folded()
	live.Leave(nil)
	alarm.Leave(nil)
	check(t, f.Close())
	if got := files(t, dir); got != nil {
		t.Errorf("after a clean stop there are %v", got)
	}
	if err := live.Append([]byte("late")); !errors.Is(err, front.ErrClosed) {
		t.Errorf("append after the close: %v", err)
	}
}

// What a journal could not fold is handed to it when it comes again, in the same process or in the next, and its file stays that long.
func TestLeftIsHandedOver(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	live, _ := join(t, f, "live")
	check(t, live.Append([]byte("a")))
	if _, _, _, err := f.Join("live", func() {}); err == nil {
		t.Error("two journals of one name")
	}
	live.Leave([][]byte{[]byte("a")})
	if _, got := join(t, f, "live"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("handed over %q", got)
	}
	check(t, f.Close())
	f = open(t, dir)
	live, got := join(t, f, "live")
	if !slices.Equal(got, []string{"a"}) {
		t.Errorf("in the next process %q", got)
	}
	live.Folded()
	if got := files(t, dir); got != nil {
		t.Errorf("folded, and there are %v", got)
	}
}

func TestAnotherNodesFile(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	m, _ := join(t, f, "live")
	check(t, m.Append([]byte("a")))
	check(t, f.Close())
	if _, err := front.Open(dir, "pi-8", front.Options{}); !errors.Is(err, front.ErrBinding) {
		t.Errorf("opened as another's: %v", err)
	}
}

// A full file has its journals asked to fold, and the next begins; where nobody folds, the third says that it is full.
func TestTurnover(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	asked := make(chan struct{}, 100)
	lazy, _, _, err := f.Join("lazy", func() { asked <- struct{}{} })
	check(t, err)
	busy, _ := join(t, f, "busy")
	check(t, lazy.Append([]byte("mine")))
	payload := bytes.Repeat([]byte{7}, front.Largest)
	n := 0
	for ; err == nil; n++ {
		err = busy.Append(payload)
	}
	if !errors.Is(err, front.ErrFull) {
		t.Fatal(err)
	}
	if want := 2 * (front.DefaultSize / front.Largest); n < want-4 || n > want {
		t.Errorf("full after %d appends", n)
	}
	if len(files(t, dir)) != 2 || len(asked) == 0 {
		t.Errorf("files %v, asked %d times", files(t, dir), len(asked))
	}
	if err := busy.Append([]byte("one more")); !errors.Is(err, front.ErrFull) {
		t.Errorf("one more: %v", err)
	}
	// The lazy one's payload is in the first file, so that stays, and the second too.
	busy.Folded()
	if err := busy.Append(payload); !errors.Is(err, front.ErrFull) && err != nil {
		t.Error(err)
	}
	lazy.Folded()
	check(t, busy.Append([]byte("again")))
	if got := leftIn(t, dir, "busy"); got[0][len(got[0])-1] != "again" {
		t.Errorf("newest is %q", got[0][len(got[0])-1])
	}
	if got := files(t, dir); len(got) > 2 {
		t.Errorf("files %v", got)
	}
	if err := busy.Append(make([]byte, front.Largest+1)); !errors.Is(err, front.ErrFull) {
		t.Errorf("too large: %v", err)
	}
}

// Many at once share syncs, and each finds its own.
func TestManyAtOnce(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	var wg sync.WaitGroup
	names := []string{"alarm", "live", "bulk", "archive"}
	for _, n := range names {
		m, _ := join(t, f, n)
		wg.Go(func() {
			for i := range 200 {
				if err := m.Append(fmt.Appendf(nil, "%s %d", n, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i, got := range leftIn(t, dir, names...) {
		for k, s := range got {
			if s != fmt.Sprintf("%s %d", names[i], k) {
				t.Fatalf("%s %d is %q", names[i], k, s)
			}
		}
		if len(got) != 200 {
			t.Errorf("%s has %d", names[i], len(got))
		}
	}
}

// A failed sync is an error for those whose append it was; the others, and what came before, stand, and the next goes to a new file.
// One journal folds while another's entries are written: the race detector is what looks on.
func TestFoldingBesideAppending(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	var wait sync.WaitGroup
	for _, name := range []string{"live", "bulk"} {
		m, _ := join(t, f, name)
		wait.Go(func() {
			for i := range 200 {
				if err := m.Append(fmt.Appendf(nil, "%s %d", name, i)); err != nil {
					t.Errorf("%s: append %d: %v", name, i, err)
				}
				if i < 199 {
					m.Folded()
				}
			}
		})
	}
	wait.Wait()
	got := leftIn(t, dir, "live", "bulk")
	for i, name := range []string{"live", "bulk"} {
		if n := len(got[i]); n == 0 || got[i][n-1] != name+" 199" {
			t.Errorf("%s: what was not folded is missing at the end: %q", name, got[i])
		}
	}
}

func TestFailedWrite(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	asked := false
	m, _, _, err := f.Join("live", func() { asked = true })
	check(t, err)
	check(t, m.Append([]byte("a")))
	front.Break(f)
	if err := m.Append([]byte("b")); err == nil || errors.Is(err, front.ErrFull) {
		t.Fatalf("a write that failed: %v", err)
	}
	if !asked {
		t.Error("nobody was asked to fold what the file has")
	}
	check(t, m.Append([]byte("c")))
	if got := leftIn(t, dir, "live"); !slices.Equal(got[0], []string{"a", "c"}) {
		t.Errorf("left %q", got[0])
	}
}
