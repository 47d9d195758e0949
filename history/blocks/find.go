package blocks

import (
	"os"

	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
)

// View is the parts as they were when it was taken. Close it. For one goroutine.
type View struct {
	Covered ranges.Set // positions of which everything is here
	set     *Set
	parts   []*part
	files   map[*part]*os.File
}

// View takes one.
func (s *Set) View() *View {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.parts {
		p.users++
	}
	return &View{Covered: s.covered(), set: s, parts: s.parts, files: map[*part]*os.File{}}
}

// Close lets the parts go.
func (v *View) Close() {
	v.closeFiles()
	v.set.mu.Lock()
	defer v.set.mu.Unlock()
	for _, p := range v.parts {
		if p.users--; p.users == 0 && p.gone {
			v.set.remove(p)
		}
	}
}

func (v *View) closeFiles() {
	for _, f := range v.files {
		f.Close()
	}
	clear(v.files)
}

// maxOpen bounds the files that a question has open. What comes next is mostly in the same as what came before.
const maxOpen = 16

func (v *View) open(p *part) (*os.File, error) {
	if f := v.files[p]; f != nil {
		return f, nil
	}
	if len(v.files) >= maxOpen {
		v.closeFiles()
	}
	f, err := os.Open(p.path)
	if err == nil {
		v.files[p] = f
	}
	return f, err
}

// release closes the file of a part from which nothing more is wanted.
func (v *View) release(p *part) {
	if f := v.files[p]; f != nil {
		f.Close()
		delete(v.files, p)
	}
}

// Group is where a part lists the chunks of a series.
type Group struct {
	Series   telemetry.Series
	Min, Max telemetry.Time // of all chunks, as the frames have them
	Doubtful bool           // they may be put right, of one at least
	part     *part
	entry    entry
}

// Groups returns the groups of series in which something with from <= time < to may be. An error is a *DamageError where it tells that a part
// is damaged.
func (v *View) Groups(series []telemetry.Series, from, to telemetry.Time) ([]Group, error) {
	var out []Group
	for _, p := range v.parts {
		if !p.holds(from, to) {
			continue
		}
		f, err := v.open(p)
		if err != nil {
			return nil, p.fault(err)
		}
		for _, s := range series {
			entries, err := p.find(f, s)
			if err != nil {
				return nil, p.fault(err)
			}
			for _, e := range entries {
				if e.holds(from, to) {
					out = append(out, Group{s, e.min, e.max, e.doubtful, p, e})
				}
			}
		}
		v.release(p) // there may be thousands
	}
	return out, nil
}

// Chunks returns the chunks of a group, in order of position.
func (v *View) Chunks(g Group) ([]Chunk, error) {
	f, err := v.open(g.part)
	if err != nil {
		return nil, g.part.fault(err)
	}
	defer v.release(g.part)
	chunks, err := g.part.chunks(f, g.entry, g.Series)
	if err != nil {
		return nil, g.part.fault(err)
	}
	return chunks, nil
}

// Content reads a chunk.
func (v *View) Content(c Chunk) (Content, error) {
	f, err := v.open(c.part)
	if err != nil {
		return Content{}, c.part.fault(err)
	}
	b := make([]byte, c.size, c.size+8)
	if _, err := f.ReadAt(b, int64(c.off)); err != nil {
		return Content{}, c.part.fault(err)
	}
	content, err := parseContent(b, c.Count)
	if err != nil {
		return content, c.part.fault(err)
	}
	return content, nil
}

// Damaged makes the error of a chunk whose frame cannot be read.
func (c *Chunk) Damaged(err error) error { return c.part.fault(damaged("frame: %v", err)) }
