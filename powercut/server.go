package powercut

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"syscall"
)

// order is what a mount's process is told on its standard input, a line of JSON each; a line of JSON answers it.
type order struct {
	Cut     *cutOrder `json:",omitempty"`
	Forget  string    `json:",omitempty"` // a folder in the root
	Settle  bool      `json:",omitempty"`
	Suffer  *Faults   `json:",omitempty"`
	Record  bool      `json:",omitempty"`
	Mark    []byte    `json:",omitempty"`
	SaveTo  string    `json:",omitempty"` // the record, into this file
	Nothing bool      `json:",omitempty"` // to see whether it is there
}

type cutOrder struct {
	Folder string // in the root
	To     string
	Seed   uint64
}

type answer struct {
	Err     string
	Pending int
}

// Serve shows a new disk at dir and obeys orders until in ends.
func Serve(dir string, in io.Reader, out io.Writer) (err error) {
	d := NewDisk()
	if err := mount(d, dir); err != nil {
		return fmt.Errorf("mount on %s: %w", dir, err)
	}
	defer func() { err = errors.Join(err, syscall.Unmount(dir, syscall.MNT_DETACH)) }()
	var trace *Trace
	orders, answers := json.NewDecoder(bufio.NewReader(in)), json.NewEncoder(out)
	for {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var a answer
		if o.Record {
			trace = d.Record()
		}
		if err := d.obey(o, trace, &a); err != nil {
			a.Err = err.Error()
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}

func (d *Disk) obey(o order, trace *Trace, a *answer) error {
	switch {
	case o.Cut != nil:
		i, _, err := d.Lookup(Root, o.Cut.Folder)
		if err != nil {
			return fmt.Errorf("folder %s: %w", o.Cut.Folder, err)
		}
		image := d.Cut(i, rand.New(rand.NewPCG(o.Cut.Seed, 0)))
		a.Pending = image.Pending
		return image.Write(o.Cut.To)
	case o.Forget != "":
		d.Forget(o.Forget)
	case o.Settle:
		d.Settle()
	case o.Suffer != nil:
		d.Suffer(*o.Suffer)
	case o.Mark != nil:
		d.Mark(o.Mark)
	case o.SaveTo != "":
		f, err := os.Create(o.SaveTo)
		if err != nil {
			return err
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		return errors.Join(trace.Write(f), f.Close())
	}
	return nil
}

// Mounted is a disk in a process of its own. Safe for concurrent use.
type Mounted struct {
	Dir string

	cmd  *exec.Cmd
	gone bool // by Vanish
	mu   sync.Mutex
	in   io.WriteCloser
	out  *json.Decoder
}

// Mount runs a command that calls Serve with dir and its standard input and output.
func Mount(dir string, cmd *exec.Cmd) (*Mounted, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	m := &Mounted{Dir: dir, cmd: cmd, in: in, out: json.NewDecoder(out)}
	if _, err := m.order(order{Nothing: true}); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (m *Mounted) order(o order) (a answer, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := json.NewEncoder(m.in).Encode(o); err != nil {
		return a, err
	}
	if err := m.out.Decode(&a); err != nil {
		return a, fmt.Errorf("the mount's process is gone: %w", err)
	}
	if a.Err != "" {
		return a, errors.New(a.Err)
	}
	return a, nil
}

// Cut makes the folder to of one in the root, as a loss of power at this instant would leave it; the seed draws which. pending is how many changes were
// not durable.
func (m *Mounted) Cut(folder, to string, seed uint64) (pending int, err error) {
	a, err := m.order(order{Cut: &cutOrder{folder, to, seed}})
	return a.Pending, err
}

// Forget lets a folder in the root go, which no process uses any more.
func (m *Mounted) Forget(folder string) error { return m.tell(order{Forget: folder}) }

// Settle makes all there is durable.
func (m *Mounted) Settle() error { return m.tell(order{Settle: true}) }

// Suffer sets the faults.
func (m *Mounted) Suffer(f Faults) error { return m.tell(order{Suffer: &f}) }

// Record begins a record of what is done. Save writes it to a file.
func (m *Mounted) Record() error { return m.tell(order{Record: true}) }

// Mark sets a mark into the record, not an empty one.
func (m *Mounted) Mark(mark []byte) error { return m.tell(order{Mark: mark}) }

// Save writes the record to a file.
func (m *Mounted) Save(path string) error { return m.tell(order{SaveTo: path}) }

func (m *Mounted) tell(o order) error {
	_, err := m.order(o)
	return err
}

// Vanish pulls the disk out: whatever touches it from now on fails, also pages of mapped files that are not in memory.
func (m *Mounted) Vanish() error {
	m.gone = true
	return m.cmd.Process.Kill()
}

// Close unmounts the disk and ends its process.
func (m *Mounted) Close() error {
	if m.gone {
		_, _ = m.in.Close(), m.cmd.Wait() // it was killed
		return syscall.Unmount(m.Dir, syscall.MNT_DETACH)
	}
	err := m.in.Close()
	if werr := m.cmd.Wait(); err == nil {
		err = werr
	}
	return err
}
