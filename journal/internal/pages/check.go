package pages

import "bytes"

// Check proves the whole file: both meta pages are whole, every page in use is of the right kind, inside the file and referred to once, keys ascend and lie
// where the branches say. A file that passes can be given to bbolt. Check calls f for each pair, in order, bucket by bucket; value is
// valid during the call only. An error of f is returned as it is.
func (f *File) Check(each func(bucket string, key, value []byte) error) error {
	for id := range uint64(2) {
		if err := f.checkMeta(id); err != nil {
			return err
		}
	}
	c := checker{f: f, seen: make([]uint64, f.used/64+1), each: each}
	var root page
	if err := f.load(f.root, &root); err != nil {
		return err
	}
	return c.tree(&root, nil, nil, 1)
}

// checkMeta proves one meta page. One good page would do to open the file, but then the bad one may be the later, and with it the last
// transaction forgotten without a word. No crash leaves that behind: what counts of a meta page lies in one sector.
func (f *File) checkMeta(id uint64) error {
	off := int64(id) * int64(f.pageSize)
	var b [headerSize]byte
	if err := f.readAt(b[:], off); err != nil {
		return err
	}
	if order.Uint64(b[:]) != id || order.Uint16(b[8:]) != metaFlag {
		return damaged("page %d is not the meta page it should be", id)
	}
	_, err := readMeta(f.r, off)
	return err
}

type checker struct {
	f      *File
	seen   []uint64 // bitmap of the pages met
	bucket string   // "": the root
	each   func(bucket string, key, value []byte) error
}

// mark notes that p was met.
func (c *checker) mark(p *page) error {
	if p.id == 0 { // inline
		return nil
	}
	for id := p.id; id < p.id+uint64(p.size/c.f.pageSize); id++ {
		if c.seen[id/64]&(1<<(id%64)) != 0 {
			return damaged("page %d is referred to twice", id)
		}
		c.seen[id/64] |= 1 << (id % 64)
	}
	return nil
}

// tree checks the pages from p down. All keys are at least from and below to, where these are set.
func (c *checker) tree(p *page, from, to []byte, depth int) error {
	if depth > maxDepth {
		return damaged("tree deeper than %d pages", maxDepth)
	}
	if err := c.mark(p); err != nil {
		return err
	}
	if p.leaf && p.count == 0 && depth > 1 {
		return damaged("leaf page %d is empty", p.id)
	}
	var last []byte
	for i := range p.count {
		e, key, err := p.elem(i)
		if err != nil {
			return err
		}
		if from != nil && bytes.Compare(key, from) < 0 || to != nil && bytes.Compare(key, to) >= 0 || last != nil && bytes.Compare(key, last) <= 0 {
			return damaged("page %d: key %x out of order", p.id, key)
		}
		last = append(last[:0], key...)
		if p.leaf {
			err = c.leaf(p, e, key)
		} else {
			err = c.child(p, i, e, key, to, depth)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) child(p *page, i int, e elem, from, to []byte, depth int) error {
	if i+1 < p.count {
		_, next, err := p.elem(i + 1)
		if err != nil {
			return err
		}
		to = next
	}
	var child page
	if err := c.f.load(e.child, &child); err != nil {
		return err
	}
	return c.tree(&child, from, to, depth+1)
}

func (c *checker) leaf(p *page, e elem, key []byte) error {
	if e.bucket != (c.bucket == "") {
		return damaged("page %d: key %x is a bucket where none belongs, or none where one does", p.id, key)
	}
	value, err := p.bytes(e.off+e.ksize, e.vsize)
	if err != nil {
		return err
	}
	if !e.bucket {
		return c.each(c.bucket, key, value)
	}
	b, err := c.f.bucket(value)
	if err != nil {
		return err
	}
	var root page
	if err := b.loadRoot(&root); err != nil {
		return err
	}
	c.bucket = string(key)
	defer func() { c.bucket = "" }()
	return c.tree(&root, nil, nil, 1)
}
