package front

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
)

// DefaultSize is used for Options.Size 0: at one small commit a second it lasts a quarter of an hour.
const DefaultSize = 256 << 10

// Largest is how many bytes of payload one Append takes. For more, a commit of the journal's own costs little beside them.
const Largest = 32 << 10

// least is the smallest file: a record of four journals fits.
const least = 4 * (Largest + 512)

// ErrFull says that there is no room in front: the journal has to do without, and may try again the next time.
var ErrFull = errors.New("no room in the front file")

// ErrBinding says that the files belong to another.
var ErrBinding = errors.New("front file belongs to another")

// ErrClosed is an Append after Close.
var ErrClosed = errors.New("the front file is closed")

// Options of a Front. The zero value of each means its default.
type Options struct {
	Size int64 // bytes of a file; default DefaultSize, at least what four largest Appends take
	Log  *slog.Logger
}

// Front is a small synced file before journals. Safe for concurrent use.
type Front struct {
	dir, binding string
	size         int64
	log          *slog.Logger

	mu      sync.Mutex
	work    sync.Cond
	queue   []*request
	files   []*file // oldest first; at most the last is appended to
	last    uint64  // the newest generation
	members map[string]*Member
	left    map[string]*remains // of journals that have not joined since
	closed  bool
	stopped chan struct{}
	short   bool // the last attempt to begin a file came to nothing
}

// remains is what is in front of a journal that is not open.
type remains struct {
	payloads [][]byte
	aside    string // where the damaged file is that some of it came from
}

// request is one Append.
type request struct {
	part
	done chan error
}

// Open takes up the files in dir, where others may keep files of other names, and makes none before the first Append. binding says whose they are; it
// fails with ErrBinding on another's. The folder must be held by this process alone.
func Open(dir, binding string, o Options) (*Front, error) {
	f := &Front{
		dir: dir, binding: binding, size: o.Size, log: o.Log, members: map[string]*Member{}, left: map[string]*remains{},
		stopped: make(chan struct{}),
	}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	if f.size == 0 {
		f.size = DefaultSize
	}
	f.size = max(f.size, least)
	f.work.L = &f.mu
	if err := f.load(); err != nil {
		return nil, fmt.Errorf("open the front file in %s: %w", dir, err)
	}
	go f.write()
	return f, nil
}

// load reads what earlier processes left.
func (f *Front) load() error {
	generations, temps, err := list(f.dir)
	if err != nil {
		return err
	}
	for _, g := range generations {
		if err := f.take(g); err != nil {
			return err
		}
		f.last = g
	}
	for _, t := range temps {
		if err := os.Remove(t); err != nil {
			return err
		}
	}
	return nil
}

// take reads one file into what is left.
func (f *Front) take(generation uint64) error {
	one := &file{path: pathOf(f.dir, generation), generation: generation, waiting: map[string]struct{}{}}
	b, sound, err := read(one.path)
	if err != nil {
		return err
	}
	found := map[string][][]byte{}
	other := ""
	whole := scan(b, generation, func(parts []part) {
		for _, p := range parts {
			if p.name == "" {
				if string(p.payload) != f.binding {
					other = string(p.payload)
				}
				continue
			}
			found[p.name] = append(found[p.name], bytes.Clone(p.payload))
		}
	})
	if other != "" {
		return fmt.Errorf("%w: %s is of %q, not of %q", ErrBinding, one.path, other, f.binding)
	}
	aside := ""
	if !sound || !whole {
		if aside, err = setAside(one.path); err != nil {
			aside = one.path
		}
		f.log.Error("the front file is damaged; what can be read of it is used", "file", aside)
	}
	for name, payloads := range found {
		r := f.left[name]
		if r == nil {
			r = &remains{}
			f.left[name] = r
		}
		r.payloads = append(r.payloads, payloads...)
		if aside != "" {
			r.aside = aside
		}
		one.waiting[name] = struct{}{}
	}
	f.files = append(f.files, one)
	return nil
}

// Join hands over what was appended under name and not folded, oldest first, and takes the journal in. aside is a copy of the file if that was
// damaged: then something may be missing. fold is called, from a goroutine of the front and not often, when room is wanted: the
// journal should fold soon; it must not block. One journal at a time may have a name.
func (f *Front) Join(name string, fold func()) (m *Member, payloads [][]byte, aside string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return nil, nil, "", ErrClosed
	case name == "" || len(name) > 255:
		return nil, nil, "", fmt.Errorf("a journal cannot have the name %q in front", name)
	case f.members[name] != nil:
		return nil, nil, "", fmt.Errorf("a journal named %q is in front already", name)
	}
	m = &Member{f: f, name: name, fold: fold}
	f.members[name] = m
	if r := f.left[name]; r != nil {
		payloads, aside = r.payloads, r.aside
	}
	return m, payloads, aside, nil
}

// write is the goroutine that writes: whatever has queued up while one sync ran goes into the next record.
func (f *Front) write() {
	defer close(f.stopped)
	var buf []byte
	for {
		f.mu.Lock()
		for len(f.queue) == 0 && !f.closed {
			f.work.Wait()
		}
		batch := f.queue
		f.queue = nil
		f.mu.Unlock()
		if batch == nil {
			return
		}
		var err error
		if buf, err = f.perform(buf, batch); err == nil && cap(buf) > f.limit() {
			buf = nil
		}
		for _, r := range batch {
			r.done <- err
		}
	}
}

func (f *Front) limit() int { return 2 * Largest }

func (f *Front) perform(buf []byte, batch []*request) ([]byte, error) {
	parts := make([]part, len(batch))
	size := recordHead
	for i, r := range batch {
		parts[i] = r.part
		size += r.size()
	}
	to, err := f.room(size)
	if err != nil {
		return buf, err
	}
	buf, err = to.append(buf, parts)
	f.mu.Lock()
	if err != nil {
		// Nobody knows what of it is on the disk: nothing more goes there, and what was durable before is asked for.
		to.spend()
		ask := f.waiting(to)
		f.mu.Unlock()
		for _, m := range ask {
			m.fold()
		}
		return buf, fmt.Errorf("append to %s: %w", to.path, err)
	}
	for _, p := range parts {
		to.waiting[p.name] = struct{}{}
	}
	f.mu.Unlock()
	return buf, nil
}

// room returns the file that a record of size bytes goes to. Files change under mu, but only here is one appended to.
func (f *Front) room(size int) (*file, error) {
	f.mu.Lock()
	n := len(f.files)
	if n > 0 && f.files[n-1].fits(size) {
		to := f.files[n-1]
		f.mu.Unlock()
		return to, nil
	}
	var ask []*Member
	if n > 0 {
		f.files[n-1].spend()
		f.prune()
		for _, old := range f.files {
			ask = append(ask, f.waiting(old)...)
		}
	}
	full := len(f.files) > 1
	next := f.last + 1
	f.mu.Unlock()
	for _, m := range ask {
		m.fold()
	}
	if full {
		return nil, ErrFull
	}
	made, err := create(f.dir, f.binding, next, f.size)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		if !f.short {
			f.log.Warn("no front file can be made; commits go without it and write more", "err", err)
		}
		f.short = true
		return nil, fmt.Errorf("%w: %w", ErrFull, err)
	}
	f.short = false
	f.files, f.last = append(f.files, made), next
	return made, nil
}

// waiting returns the journals that have something in a file. The caller holds mu.
func (f *Front) waiting(one *file) []*Member {
	var out []*Member
	for name := range one.waiting {
		if m := f.members[name]; m != nil {
			out = append(out, m)
		}
	}
	return out
}

// prune removes the files in which nothing waits, but not the one that is appended to. The caller holds mu.
func (f *Front) prune() {
	f.files = slices.DeleteFunc(f.files, func(one *file) bool {
		if one.f != nil || len(one.waiting) > 0 {
			return false
		}
		if err := os.Remove(one.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			f.log.Warn("remove a front file that is done with", "file", one.path, "err", err)
		}
		return true
	})
}

// Close ends the front; journals leave before. Files in which nothing waits are removed.
func (f *Front) Close() error {
	f.mu.Lock()
	again := f.closed
	f.closed = true
	f.work.Broadcast()
	f.mu.Unlock()
	<-f.stopped
	if again {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.files {
		one.spend()
	}
	f.prune()
	return nil
}
