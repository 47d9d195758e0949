package lane

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// hurtTables damages every stored series table of a lane, and nothing else.
func hurtTables(t *testing.T, dir string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "live", "*.seg"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("segments %v, %v", paths, err)
	}
	raw, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	const ( // of the cells that journal's package comment draws
		magic    = "\xf1\xe1\xd9\x05"
		kindAt   = 5
		blobKind = 2
		inside   = 50
	)
	n := 0
	for at := 0; ; at += len(magic) {
		i := bytes.Index(raw[at:], []byte(magic))
		if i < 0 {
			break
		}
		at += i
		if raw[at+kindAt] == blobKind {
			raw[at+inside] ^= 0xff
			n++
		}
	}
	if n == 0 {
		t.Fatal("no table found to damage")
	}
	if err := os.WriteFile(paths[0], raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestFramesWithoutTheirTableAreLost: nobody can read them, so that to keep them would make the gateway wait for ever.
func TestFramesWithoutTheirTableAreLost(t *testing.T) {
	dir := t.TempDir()
	b := book(t, dir)
	put(t, b, 10, true)
	e := b.Hello().Epochs[0].Epoch
	frames, err := b.Frames(telemetry.Live, 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	hurtTables(t, dir)
	b = book(t, dir)
	if _, err := b.Describe(Description{Device: "other", Metric: "x"}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first look may find the damage and mend the segment, the second finds no table
		if _, err := b.Table(frames[0].Header.Table); err == nil {
			t.Fatal("a damaged table was given out")
		}
	}
	for _, x := range b.Hello().Epochs {
		for _, l := range x.Lanes {
			if x.Epoch != e || l.Lane != telemetry.Live {
				continue
			}
			var lost ranges.Set
			for _, loss := range l.Lost {
				if loss.Reason != wire.Damaged {
					t.Errorf("loss %+v", loss)
				}
				lost.Add(loss.Range)
			}
			if !l.Kept.Empty() || lost.Len() != 10 {
				t.Errorf("kept %v, lost %v; want all ten lost", l.Kept, lost)
			}
			return
		}
	}
	t.Fatal("the epoch is not told")
}

// TestTheTableAtHandServes: with the configuration of before, the table at hand serves the frames on disk.
func TestTheTableAtHandServes(t *testing.T) {
	dir := t.TempDir()
	b := book(t, dir)
	put(t, b, 10, true)
	frames, err := b.Frames(telemetry.Live, 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	want, err := b.Table(frames[0].Header.Table)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	hurtTables(t, dir)
	b = book(t, dir)
	put(t, b, 1, false)
	got, err := b.Table(frames[0].Header.Table)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("table %x, %v; want %x", got, err, want)
	}
}

// TestRestartsWithoutReadingsCostNoEpochs: only epochs that issued something are told, and the chain of parents has no gap.
func TestRestartsWithoutReadingsCostNoEpochs(t *testing.T) {
	dir := t.TempDir()
	b := book(t, dir)
	put(t, b, 10, true)
	first := b.Hello().Epochs[0].Epoch
	last := first
	for range 5 {
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		b = book(t, dir)
		epochs := b.Hello().Epochs
		if len(epochs) != 2 || epochs[0].Epoch != first || epochs[1].Parent != last {
			t.Fatalf("epochs %+v; want the first and one of parent %v", epochs, last)
		}
		last = epochs[1].Epoch
	}
}
