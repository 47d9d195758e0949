package pages

import "bytes"

// Bucket is one bucket of a File.
type Bucket struct {
	f      *File
	root   uint64
	inline []byte // the leaf, for root 0
}

// Bucket returns the bucket called name, nil if there is none.
func (f *File) Bucket(name string) (*Bucket, error) {
	c := (&Bucket{f: f, root: f.root}).Cursor()
	if !c.Seek([]byte(name)) || string(c.key) != name {
		return nil, c.err
	}
	if !c.elem.bucket {
		return nil, damaged("%q is not a bucket", name)
	}
	v, err := c.value(c.elem.vsize)
	if err != nil {
		return nil, err
	}
	return f.bucket(v)
}

func (f *File) bucket(v []byte) (*Bucket, error) {
	if len(v) < headerSize {
		return nil, damaged("bucket of %d bytes", len(v))
	}
	b := &Bucket{f: f, root: order.Uint64(v)}
	if b.root == 0 {
		b.inline = v[headerSize:]
	} else if len(v) != headerSize {
		return nil, damaged("bucket of %d bytes has a root page as well", len(v))
	}
	return b, nil
}

// loadRoot reads the bucket's topmost page.
func (b *Bucket) loadRoot(p *page) error {
	if b.root != 0 {
		return b.f.load(b.root, p)
	}
	v := b.inline
	if len(v) < headerSize || order.Uint16(v[8:]) != leafFlag || order.Uint32(v[12:]) != 0 {
		return damaged("inline bucket is not a leaf")
	}
	*p = page{f: b.f, leaf: true, count: int(order.Uint16(v[10:])), size: len(v), buf: v}
	if headerSize+p.count*elemSize > p.size {
		return damaged("inline bucket has no room for %d elements", p.count)
	}
	return nil
}

// Get returns a copy of key's value, nil if there is none.
func (b *Bucket) Get(key []byte) ([]byte, error) {
	c := b.Cursor()
	if !c.Seek(key) || !bytes.Equal(c.key, key) {
		return nil, c.err
	}
	v, err := c.Value(c.Len())
	return bytes.Clone(v), err
}

// Cursor returns a cursor that stands nowhere: call Seek.
func (b *Bucket) Cursor() *Cursor { return &Cursor{b: b} }

// Cursor walks the pairs of a bucket in the order of their keys. Not safe for concurrent use.
type Cursor struct {
	b     *Bucket
	stack []frame
	depth int // of stack in use
	key   []byte
	last  []byte // the key before
	elem  elem
	err   error
}

// frame is a page on the way down and the element taken there.
type frame struct {
	page
	i int
}

// Seek goes to the first pair whose key is at least key. It returns false at the end and on an error.
func (c *Cursor) Seek(key []byte) bool {
	c.depth, c.err, c.key, c.last = 0, nil, nil, c.last[:0]
	p, err := c.push()
	if err == nil {
		err = c.b.loadRoot(&p.page)
	}
	for err == nil && !p.leaf {
		// The last child whose first key is not beyond key holds it, if any does.
		if p.i, err = p.search(key, true); err == nil {
			p, err = c.down(p)
		}
	}
	if err == nil {
		p.i, err = p.search(key, false)
	}
	if err != nil {
		c.err = err
		return false
	}
	p.i--
	return c.Next()
}

// Next goes to the next pair. It returns false at the end and on an error. As keys must ascend, a walk ends.
func (c *Cursor) Next() bool {
	c.last = append(c.last[:0], c.key...)
	for c.err == nil && c.depth > 0 {
		p := &c.stack[c.depth-1]
		if p.i++; p.i >= p.count {
			c.depth--
			continue
		}
		if p.leaf {
			if c.elem, c.key, c.err = p.elem(p.i); c.err == nil && bytes.Compare(c.key, c.last) <= 0 {
				c.err = damaged("page %d: key %x out of order", p.id, c.key)
			}
			return c.err == nil
		}
		if p, c.err = c.down(p); c.err == nil {
			p.i = -1
		}
	}
	return false
}

// push returns the next free place of the stack.
func (c *Cursor) push() (*frame, error) {
	if c.depth == maxDepth {
		return nil, damaged("tree deeper than %d pages", maxDepth)
	}
	if c.depth == len(c.stack) {
		c.stack = append(c.stack, frame{})
	}
	c.depth++
	return &c.stack[c.depth-1], nil
}

// down loads the child that p stands on.
func (c *Cursor) down(p *frame) (*frame, error) {
	e, _, err := p.elem(p.i)
	if err != nil {
		return nil, err
	}
	q, err := c.push()
	if err == nil {
		err = c.b.f.load(e.child, &q.page)
	}
	if err == nil && q.count == 0 {
		err = damaged("page %d is empty", q.id)
	}
	return q, err
}

// search returns the first element whose key is at least key; with under, the one before if it is not equal.
func (p *page) search(key []byte, under bool) (int, error) {
	lo, hi := 0, p.count
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		_, k, err := p.elem(mid)
		if err != nil {
			return 0, err
		}
		switch bytes.Compare(k, key) {
		case -1:
			lo = mid + 1
		case 0:
			return mid, nil
		default:
			hi = mid
		}
	}
	if under && lo > 0 {
		lo--
	}
	return lo, nil
}

// Key returns the key. It is valid until the cursor moves.
func (c *Cursor) Key() []byte { return c.key }

// Len returns the length of the value.
func (c *Cursor) Len() int { return c.elem.vsize }

// Value returns the first n bytes of the value, fewer if it is shorter. They are valid until the cursor moves.
func (c *Cursor) Value(n int) ([]byte, error) {
	if c.elem.bucket {
		return nil, damaged("a bucket inside a bucket")
	}
	return c.value(n)
}

func (c *Cursor) value(n int) ([]byte, error) {
	return c.stack[c.depth-1].bytes(c.elem.off+c.elem.ksize, min(n, c.elem.vsize))
}

// Err returns what ended the walk, nil at the end of the bucket.
func (c *Cursor) Err() error { return c.err }
