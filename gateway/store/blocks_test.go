package store

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"fieldpost/api"
	"fieldpost/telemetry"
)

// transposeAll makes all blocks that there is room for.
func transposeAll(t *testing.T, s *Store) {
	t.Helper()
	for {
		did, err := s.transpose(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if !did {
			return
		}
	}
}

func parts(t *testing.T, s *Store) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(s.dir, "journal", "*.blk"))
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

// everything asks for all readings of a node, by blocks where there are any, and counts on each being there once, in order.
func everything(t *testing.T, s *Store, node string, want int) {
	t.Helper()
	n := 0
	for r, err := range s.Readings(context.Background(), api.Query{Filter: api.Filter{Node: node}, From: -1 << 63, To: 1<<63 - 1}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; r.Seq != uint64(n) || r.Value != telemetry.Int(int64(n)) {
			t.Fatalf("reading %d of %s is %+v", n, node, r)
		}
	}
	if n != want {
		t.Fatalf("%d readings of %s, want %d", n, node, want)
	}
}

// Blocks give way to records: on a full disk, and to a quarter of max_size.
func TestBlocksGiveWay(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, RetentionSettings{BySeries: true}, nil)
	const frames = 400
	for i := range uint64(frames) {
		for n := range 3 {
			if err := s.Append([]Frame{makeFrame(t, fmt.Sprint("pi-", n), 1+100*i, 100)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	transposeAll(t, s)
	before := parts(t, s)
	if before < 3 {
		t.Fatalf("%d parts of blocks", before)
	}
	everything(t, s, "pi-1", 100*frames)

	// The disk is full but for what the blocks take.
	s.free = func() (int64, error) { return s.reserve + int64(before-parts(t, s))<<20, nil }
	if err := s.Append([]Frame{makeFrame(t, "pi-1", 1+100*frames, 100)}); err != nil {
		t.Fatalf("with blocks to give up: %v", err)
	}
	if after := parts(t, s); after != before-1 {
		t.Errorf("%d parts of %d are left, want one less", after, before)
	}
	transposeAll(t, s)
	if after := parts(t, s); after != before-1 {
		t.Errorf("blocks were made on a full disk: %d", after)
	}
	everything(t, s, "pi-1", 100*frames+100)

	s.free = func() (int64, error) { return 1 << 40, nil }
	size, _ := s.disk.reader.Blocks()
	s.retention.MaxSize = 4 * 2 * 20000
	transposeAll(t, s)
	if err := s.Retain(); err != nil {
		t.Fatal(err)
	}
	if now, _ := s.disk.reader.Blocks(); now > 2*20000 || now == 0 || now >= size {
		t.Errorf("blocks take %d bytes of at most %d; there were %d", now, 2*20000, size)
	}
}
