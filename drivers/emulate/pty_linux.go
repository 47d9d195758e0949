package emulate

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// Pty is an instrument on a serial line, at a link like those of /dev/serial/by-id. Safe for concurrent use.
type Pty struct {
	link string

	mu     sync.Mutex
	master *os.File // nil: unplugged
	slave  *os.File // held open, so that the line keeps its bytes and settings while nobody else has it
}

// NewPty plugs an instrument in. Link is the path that drivers open.
func NewPty(link string) (*Pty, error) {
	p := &Pty{link: link}
	if err := p.Plug(); err != nil {
		return nil, err
	}
	return p, nil
}

// Plug plugs the instrument in again after Unplug: another tty under the same link.
func (p *Pty) Plug() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.master != nil {
		return fmt.Errorf("plug %s: it is plugged in", p.link)
	}
	master, slave, err := pty.Open()
	if err != nil {
		return fmt.Errorf("plug %s: %w", p.link, err)
	}
	if err := p.place(slave); err != nil {
		return errors.Join(err, master.Close(), slave.Close())
	}
	p.master, p.slave = master, slave
	return nil
}

// place makes slave a raw line under the link.
func (p *Pty) place(slave *os.File) error {
	if err := raw(slave); err != nil {
		return fmt.Errorf("plug %s: %w", p.link, err)
	}
	// As udev does: the link always names something.
	tmp := p.link + ".new"
	if err := os.Symlink(slave.Name(), tmp); err != nil {
		return err
	}
	return os.Rename(tmp, p.link)
}

// raw switches off echo and all that a terminal does to lines, as long as no driver has set the line itself.
func raw(f *os.File) error {
	control, err := f.SyscallConn() // not Fd, which would make the file block
	if err != nil {
		return err
	}
	var failed error
	err = control.Control(func(fd uintptr) {
		t, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		if err != nil {
			failed = os.NewSyscallError("TCGETS", err)
			return
		}
		t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
		t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
		failed = os.NewSyscallError("TCSETS", unix.IoctlSetTermios(int(fd), unix.TCSETS, t))
	})
	return errors.Join(err, failed)
}

// Unplug pulls the plug: the tty hangs up, and the link goes. What the driver has not read yet is lost.
func (p *Pty) Unplug() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.master == nil {
		return nil
	}
	err := errors.Join(os.Remove(p.link), p.master.Close(), p.slave.Close())
	p.master, p.slave = nil, nil
	return err
}

// Close unplugs the instrument for good.
func (p *Pty) Close() error { return p.Unplug() }

var errUnplugged = errors.New("the instrument is unplugged")

// Write says b on the line. While the line takes nothing for a second, what is left is lost, as on a real one.
func (p *Pty) Write(b []byte) (int, error) {
	p.mu.Lock()
	master := p.master
	p.mu.Unlock()
	if master == nil {
		return 0, errUnplugged
	}
	if err := master.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	return master.Write(b)
}

// Read reads what the driver has sent to the instrument. It blocks until something comes or the instrument is unplugged.
func (p *Pty) Read(b []byte) (int, error) {
	p.mu.Lock()
	master := p.master
	p.mu.Unlock()
	if master == nil {
		return 0, errUnplugged
	}
	return master.Read(b)
}

// Device returns the path that the link leads to now, "" while unplugged.
func (p *Pty) Device() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slave == nil {
		return ""
	}
	return p.slave.Name()
}
