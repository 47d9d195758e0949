package store

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"fieldpost/journal/durable"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// Bounds of the quarantine folder. Beyond them the oldest files go: what is lost is in the ledger, the bytes are for people to look at.
const (
	quarantineFiles = 1000
	quarantineBytes = 64 << 20
)

// Quarantine keeps the bytes of a frame whose header can be read and whose records cannot, and notes its range as lost (delivery
// rule 10). When it returns nil both are on disk, and the range counts as received.
func (s *Store) Quarantine(h frame.Header, data []byte) error {
	s.commit.Lock()
	defer s.commit.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	dir := filepath.Join(s.dir, "quarantine")
	if err := s.roomFor(int64(len(data))); err != nil {
		return err
	}
	if err := makeRoom(dir, int64(len(data))); err != nil {
		return fmt.Errorf("quarantine a frame of node %s: %w", h.Node, err)
	}
	name := fmt.Sprintf("%s-%s-%s-%d-%d.frame", h.Node, h.Epoch, h.Lane, h.First, h.Count)
	if err := writeFile(filepath.Join(dir, name), data); err != nil {
		return fmt.Errorf("quarantine a frame of node %s: %w", h.Node, err)
	}

	if err := s.noteCorrupt(h); err != nil {
		return fmt.Errorf("note a lost range of node %s: %w", h.Node, err)
	}
	s.quarantined.Add(1)
	s.log.Error("frame cannot be read and was put into quarantine; its records are lost", "node", h.Node, "lane", h.Lane.String(),
		"epoch", h.Epoch.String(), "first", h.First, "count", h.Count, "file", filepath.Join(dir, name))
	return nil
}

// noteCorrupt writes down that the range of h is lost, and only then notes it in the ledger, where any ack would find it.
func (s *Store) noteCorrupt(h frame.Header) error {
	// What the record says is stored must be covered by the checkpoint.
	if err := s.save(false); err != nil {
		return err
	}
	at := telemetry.TimeOf(s.now())
	s.mu.Lock()
	noted := *s.ledger.node(h.Node).epoch(h.Epoch)
	l := &noted.lanes[h.Lane]
	l.lost = slices.Clone(l.lost)
	l.quarantine(h, at)
	record, err := noted.marshal()
	s.mu.Unlock()
	if err == nil {
		err = s.disk.state.Update(map[string][]byte{epochKey(h.Node, h.Epoch): record})
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.ledger.node(h.Node).epoch(h.Epoch)
	e.lanes[h.Lane].quarantine(h, at)
	e.dirty = true
	return nil
}

func (l *lane) quarantine(h frame.Header, at telemetry.Time) {
	r := ranges.Range{From: h.First, To: h.Last()}
	l.lost.forget(ranges.Make(r), wire.Corrupt)
	l.lost.add(r, wire.Corrupt, at)
}

// makeRoom makes dir, and removes its oldest files until one of size fits.
func makeRoom(dir string, size int64) error {
	if err := durable.MkdirAll(dir); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var files []fs.FileInfo
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		files = append(files, info)
		size += info.Size()
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int {
		return cmp.Or(a.ModTime().Compare(b.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	for len(files) > 0 && (len(files) >= quarantineFiles || size > quarantineBytes) {
		if err := os.Remove(filepath.Join(dir, files[0].Name())); err != nil {
			return err
		}
		size -= files[0].Size()
		files = files[1:]
	}
	return nil
}
