package powercut

import (
	"compress/flate"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
)

// Trace is what was done to a disk, so that it can be done again to another.
type Trace struct {
	Ops []Op
}

// Op is one change of a disk, or a mark that its user set.
type Op struct {
	Kind    opKind
	Dir     Inode // the folder or the file
	Name    string
	Is      bool // opCreate: a folder
	To      Inode
	NewName string
	Offset  int64  // opTruncate: the length
	Data    []byte // of a mark, what its user said
}

type opKind uint8

const (
	opCreate opKind = iota + 1
	opRemove
	opRename
	opWrite
	opTruncate
	opSync
	opSettle
	opMark
)

func (t *Trace) add(op Op) {
	if t == nil {
		return
	}
	op.Data = append([]byte(nil), op.Data...)
	t.Ops = append(t.Ops, op)
}

// Record has the disk write down from now on what is done to it.
func (d *Disk) Record() *Trace {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trace = &Trace{}
	return d.trace
}

// Mark sets a mark into the record: what its user saw happen before.
func (d *Disk) Mark(mark []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trace.add(Op{Kind: opMark, Data: mark})
}

// Play does op to the disk. A mark is nothing to it.
func (d *Disk) Play(op Op) (err error) {
	switch op.Kind {
	case opCreate:
		_, err = d.Create(op.Dir, op.Name, op.Is)
	case opRemove:
		err = d.Remove(op.Dir, op.Name)
	case opRename:
		err = d.Rename(op.Dir, op.Name, op.To, op.NewName)
	case opWrite:
		err = d.WriteAt(op.Dir, op.Data, op.Offset)
	case opTruncate:
		err = d.Truncate(op.Dir, op.Offset)
	case opSync:
		err = d.Sync(op.Dir)
	case opSettle:
		d.Settle()
	case opMark:
	default:
		err = fmt.Errorf("operation %d is unknown", op.Kind)
	}
	return err
}

// IsMark reports whether op is a mark, of which Data holds what was said.
func (op Op) IsMark() bool { return op.Kind == opMark }

// Write writes the trace, compressed.
func (t *Trace) Write(w io.Writer) error {
	z, err := flate.NewWriter(w, flate.BestCompression)
	if err != nil {
		return err
	}
	return errors.Join(gob.NewEncoder(z).Encode(t), z.Close())
}

// ReadTrace reads what Write wrote.
func ReadTrace(r io.Reader) (*Trace, error) {
	var t Trace
	if err := gob.NewDecoder(flate.NewReader(r)).Decode(&t); err != nil {
		return nil, fmt.Errorf("read a trace: %w", err)
	}
	return &t, nil
}
