package powercut

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// Image is what a disk may hold after a cut, from one folder down.
type Image struct {
	Files   map[string][]byte // nil for folders; paths are slash-separated and begin with "/"
	Pending int               // writes and changes of names that were not durable
}

// Cut draws one of the disks that a loss of power at this instant may leave, below a folder. The disk itself goes on.
func (d *Disk) Cut(from Inode, r *rand.Rand) Image {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := map[Inode]map[string]Inode{}
	for i, n := range d.nodes {
		if n.dir {
			names[i] = maps.Clone(n.entries)
		}
	}
	for _, m := range d.survivors(r) {
		for _, e := range *m {
			if e.To == 0 {
				delete(names[e.Dir], e.Name)
			} else {
				names[e.Dir][e.Name] = e.To
			}
		}
	}
	image := Image{Files: map[string][]byte{}, Pending: len(d.moves)}
	c := cutter{r: r, sector: []int64{512, 4096}[r.IntN(2)]}
	var walk func(i Inode, path string)
	walk = func(i Inode, path string) {
		n := d.nodes[i]
		if n == nil {
			return
		}
		if !n.dir {
			image.Pending += len(n.pending)
			image.Files[path] = c.file(n)
			return
		}
		image.Files[path+"/"] = nil
		for _, name := range slices.Sorted(maps.Keys(names[i])) { // so that r alone decides
			walk(names[i][name], path+"/"+name)
		}
	}
	walk(from, "")
	return image
}

// survivors draws the changes of names that reached the disk: those up to one, as where there is a journal, or any.
func (d *Disk) survivors(r *rand.Rand) []*move {
	if r.IntN(2) == 0 {
		return d.moves[:r.IntN(len(d.moves)+1)]
	}
	var out []*move
	p := chance(r)
	for _, m := range d.moves {
		if r.Float64() < p {
			out = append(out, m)
		}
	}
	return out
}

// chance draws how likely a change is to be on the disk: at the ends, where mistakes hide, as often as between.
func chance(r *rand.Rand) float64 {
	switch r.IntN(4) {
	case 0:
		return 0
	case 1:
		return 1
	}
	return r.Float64()
}

// cutter makes files of what is durable and some of what is not.
type cutter struct {
	r      *rand.Rand
	sector int64
}

func (c cutter) file(n *node) []byte {
	image := append([]byte(nil), n.durable...)
	seen := append([]byte(nil), n.durable...) // as the page cache had it after each write: a disk takes whole sectors
	length := int64(len(image))
	p := chance(c.r)
	for _, w := range n.pending {
		before := int64(len(seen))
		seen = w.apply(seen)
		after := int64(len(seen))
		if after != before && c.r.Float64() < p {
			length = after
		}
		if w.cut {
			continue
		}
		for at := w.offset / c.sector * c.sector; at < w.offset+int64(len(w.data)); at += c.sector {
			if c.r.Float64() >= p {
				continue
			}
			end := min(at+c.sector, after)
			if end > int64(len(image)) {
				image = resize(image, end)
			}
			copy(image[at:end], seen[at:end])
		}
	}
	return resize(image, length)
}

// Write makes the image a folder. dir must not be there yet.
func (i Image) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for path, data := range i.Files {
		to := filepath.Join(dir, filepath.FromSlash(path))
		if data == nil && path[len(path)-1] == '/' {
			if err := os.MkdirAll(to, 0o700); err != nil {
				return err
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		if err := WriteSparse(to, data); err != nil {
			return fmt.Errorf("write the disk after a cut: %w", err)
		}
	}
	return nil
}

// WriteSparse makes a file at path without writing runs of zeros: a journal's segment is mostly empty. It writes in large pieces, for page by page is slow
// through FUSE.
func WriteSparse(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	for at := 0; at < len(data) && err == nil; {
		if zero(data[at:min(at+page, len(data))]) {
			at += page
			continue
		}
		end := at
		for end < len(data) && !zero(data[end:min(end+page, len(data))]) {
			end = min(end+page, len(data))
		}
		_, err = f.WriteAt(data[at:end], int64(at))
		at = end
	}
	return errors.Join(err, f.Truncate(int64(len(data))), f.Close())
}

// page is what a file's holes are counted in.
const page = 4096

var zeros [page]byte

func zero(b []byte) bool { return bytes.Equal(b, zeros[:len(b)]) }
