package serialport_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fieldpost/drivers/emulate"
	"fieldpost/drivers/serialport"
)

const (
	promptly = 500 * time.Millisecond
	patience = 10 * time.Second
)

func newPty(t *testing.T) (*emulate.Pty, serialport.Settings) {
	t.Helper()
	link := filepath.Join(t.TempDir(), "usb-Maker_Product_1-if00")
	p, err := emulate.NewPty(link)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	})
	return p, serialport.Settings{Port: link}
}

func open(t *testing.T, s serialport.Settings) *serialport.Port {
	t.Helper()
	p, err := serialport.Open(t.Context(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closePromptly(t, p) })
	return p
}

func closePromptly(t *testing.T, p *serialport.Port) {
	t.Helper()
	began := time.Now()
	if err := p.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if took := time.Since(began); took > promptly {
		t.Errorf("Close took %v; want at most %v", took, promptly)
	}
}

func say(t *testing.T, p io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(p, text); err != nil {
		t.Fatal(err)
	}
}

// readFull reads n bytes within patience.
func readFull(t *testing.T, p *serialport.Port, n int) []byte {
	t.Helper()
	if err := p.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(p, b); err != nil {
		t.Fatalf("read: %v", err)
	}
	if err := p.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	return b
}

type answer struct {
	n    int
	err  error
	took time.Duration
}

// inBackground calls f and says how it went.
func inBackground(f func() (int, error)) <-chan answer {
	done := make(chan answer, 1)
	began := time.Now()
	go func() {
		n, err := f()
		done <- answer{n, err, time.Since(began)}
	}()
	return done
}

func wait(t *testing.T, done <-chan answer) answer {
	t.Helper()
	select {
	case a := <-done:
		return a
	case <-time.After(patience):
		t.Fatal("the call did not return")
		return answer{}
	}
}

func TestBothDirections(t *testing.T) {
	pty, s := newPty(t)
	p := open(t, s)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	// Every byte value comes through: no echo, no line discipline.
	if _, err := pty.Write(every); err != nil {
		t.Fatal(err)
	}
	if got := readFull(t, p, len(every)); !bytes.Equal(got, every) {
		t.Errorf("read %x; want %x", got, every)
	}
	if n, err := p.Write(every); n != len(every) || err != nil {
		t.Fatalf("Write: %d, %v", n, err)
	}
	got := make([]byte, len(every))
	if _, err := io.ReadFull(pty, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, every) {
		t.Errorf("the instrument read %x; want %x", got, every)
	}
}

func TestReadDeadline(t *testing.T) {
	pty, s := newPty(t)
	p := open(t, s)
	// Longer than the tty's own timeout of 100 ms, and than the time between probes.
	for _, bound := range []time.Duration{0, 20 * time.Millisecond, 250 * time.Millisecond, 1300 * time.Millisecond} {
		if err := p.SetReadDeadline(time.Now().Add(bound)); err != nil {
			t.Fatal(err)
		}
		a := wait(t, inBackground(func() (int, error) { return p.Read(make([]byte, 10)) }))
		if !errors.Is(a.err, os.ErrDeadlineExceeded) || a.n != 0 {
			t.Errorf("bound %v: got %d, %v; want a timeout", bound, a.n, a.err)
		}
		if a.took < bound-time.Millisecond {
			t.Errorf("bound %v: timeout after %v already", bound, a.took)
		}
	}
	say(t, pty, "ok")
	if got := readFull(t, p, 2); string(got) != "ok" {
		t.Errorf("after timeouts: read %q", got)
	}
}

func TestReadBlocksUntilBytes(t *testing.T) {
	pty, s := newPty(t)
	p := open(t, s)
	b := make([]byte, 10)
	done := inBackground(func() (int, error) { return p.Read(b) })
	select {
	case a := <-done:
		t.Fatalf("Read returned %d, %v without a byte", a.n, a.err)
	case <-time.After(1500 * time.Millisecond): // several timeouts of the tty, and a probe
	}
	say(t, pty, "x")
	if a := wait(t, done); a.n != 1 || a.err != nil {
		t.Errorf("Read: %d, %v", a.n, a.err)
	}
}

func TestUnplug(t *testing.T) {
	pty, s := newPty(t)
	p := open(t, s)
	say(t, pty, "before")
	readFull(t, p, 6)
	done := inBackground(func() (int, error) { return p.Read(make([]byte, 10)) })
	if err := pty.Unplug(); err != nil {
		t.Fatal(err)
	}
	if a := wait(t, done); !errors.Is(a.err, serialport.ErrHangup) {
		t.Errorf("blocked Read: got %d, %v; want ErrHangup", a.n, a.err)
	}
	if _, err := p.Write([]byte("x")); !errors.Is(err, serialport.ErrHangup) {
		t.Errorf("Write: got %v; want ErrHangup", err)
	}
	// A plug that was pulled while nobody read is found by the next Read, each time.
	for range 3 {
		a := wait(t, inBackground(func() (int, error) { return p.Read(make([]byte, 10)) }))
		if !errors.Is(a.err, serialport.ErrHangup) {
			t.Errorf("later Read: got %d, %v; want ErrHangup", a.n, a.err)
		}
	}
	closePromptly(t, p)
	if _, err := serialport.Open(t.Context(), s, nil); !errors.Is(err, unix.ENOENT) || !strings.Contains(err.Error(), "/dev/serial/by-id") {
		t.Errorf("Open without the plug: %v; want ENOENT and what is plugged in", err)
	}
}

func TestReplug(t *testing.T) {
	pty, s := newPty(t)
	for n := range 5 {
		p := open(t, s)
		text := "run " + strconv.Itoa(n)
		say(t, pty, text)
		if got := readFull(t, p, len(text)); string(got) != text {
			t.Errorf("read %q; want %q", got, text)
		}
		if err := pty.Unplug(); err != nil {
			t.Fatal(err)
		}
		a := wait(t, inBackground(func() (int, error) { return p.Read(make([]byte, 10)) }))
		if !errors.Is(a.err, serialport.ErrHangup) {
			t.Fatalf("got %v; want ErrHangup", a.err)
		}
		closePromptly(t, p)
		if err := pty.Plug(); err != nil {
			t.Fatal(err)
		}
	}
}

// The link moves to another device while the one that is open still lives.
func TestPathNamesAnotherDevice(t *testing.T) {
	_, s := newPty(t)
	p := open(t, s)
	done := inBackground(func() (int, error) { return p.Read(make([]byte, 10)) })
	other, err := emulate.NewPty(s.Port)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	a := wait(t, done)
	if !errors.Is(a.err, serialport.ErrHangup) || !strings.Contains(a.err.Error(), "another device") {
		t.Errorf("got %v; want ErrHangup: another device", a.err)
	}
	closePromptly(t, p)
	p = open(t, s)
	say(t, other, "other")
	if got := readFull(t, p, 5); string(got) != "other" {
		t.Errorf("read %q from the other device", got)
	}
}

func TestPathGone(t *testing.T) {
	_, s := newPty(t)
	p := open(t, s)
	done := inBackground(func() (int, error) { return p.Read(make([]byte, 10)) })
	if err := os.Remove(s.Port); err != nil {
		t.Fatal(err)
	}
	a := wait(t, done)
	if !errors.Is(a.err, serialport.ErrHangup) || !strings.Contains(a.err.Error(), "does not exist") {
		t.Errorf("got %v; want ErrHangup: the path does not exist", a.err)
	}
	if a.took < 2*time.Second {
		t.Errorf("given up after %v: udev takes links away for a moment", a.took)
	}
}

func TestCloseEndsRead(t *testing.T) {
	_, s := newPty(t)
	for range 5 {
		p := open(t, s)
		done := inBackground(func() (int, error) { return p.Read(make([]byte, 10)) })
		closePromptly(t, p)
		if a := wait(t, done); !errors.Is(a.err, os.ErrClosed) {
			t.Errorf("blocked Read: got %d, %v; want os.ErrClosed", a.n, a.err)
		}
	}
}

// On a line that takes nothing, Write gives up at its deadline, and Close throws away what the kernel would wait for.
func TestWriteIsBounded(t *testing.T) {
	_, s := newPty(t)
	p := open(t, s)
	if err := p.SetWriteDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	big := make([]byte, 1<<20) // more than a pty keeps
	a := wait(t, inBackground(func() (int, error) { return p.Write(big) }))
	if !errors.Is(a.err, os.ErrDeadlineExceeded) || a.n <= 0 || a.n >= len(big) {
		t.Errorf("Write: got %d, %v; want a timeout with a part written", a.n, a.err)
	}
	closePromptly(t, p)

	p = open(t, s)
	done := inBackground(func() (int, error) { return p.Write(big) }) // no deadline
	select {
	case a := <-done:
		t.Fatalf("Write returned %d, %v", a.n, a.err)
	case <-time.After(100 * time.Millisecond):
	}
	closePromptly(t, p)
	if a := wait(t, done); !errors.Is(a.err, os.ErrClosed) {
		t.Errorf("blocked Write: got %d, %v; want os.ErrClosed", a.n, a.err)
	}
}

func TestAfterClose(t *testing.T) {
	_, s := newPty(t)
	p := open(t, s)
	closePromptly(t, p)
	closePromptly(t, p)
	if _, err := p.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Read: %v", err)
	}
	if _, err := p.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Write: %v", err)
	}
	if err := p.SetReadDeadline(time.Now()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("SetReadDeadline: %v", err)
	}
}

func TestLock(t *testing.T) {
	pty, s := newPty(t)
	p := open(t, s)
	_, err := serialport.Open(t.Context(), s, nil)
	if !errors.Is(err, serialport.ErrBusy) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("second Open: %v; want ErrBusy and process %d", err, os.Getpid())
	}
	// By another name it is the same device.
	real := serialport.Settings{Port: pty.Device()}
	if _, err := serialport.Open(t.Context(), real, nil); !errors.Is(err, serialport.ErrBusy) {
		t.Errorf("Open by its other name: %v; want ErrBusy", err)
	}
	// The first one's settings have not been touched.
	say(t, pty, "x")
	readFull(t, p, 1)
	closePromptly(t, p)
	p = open(t, real)
	say(t, pty, "y")
	readFull(t, p, 1)
}

// TIOCEXCL goes with the Port, so that the next program can open the tty.
func TestExclusive(t *testing.T) {
	pty, s := newPty(t)
	p := open(t, s)
	exclusive := func() bool {
		f, err := os.OpenFile(pty.Device(), os.O_RDWR|unix.O_NOCTTY, 0)
		if err != nil { // without privilege the tty does not open at all
			return errors.Is(err, unix.EBUSY)
		}
		defer f.Close()
		set, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGEXCL)
		if err != nil {
			t.Fatal(err)
		}
		return set != 0
	}
	if !exclusive() {
		t.Error("the open port is not exclusive")
	}
	closePromptly(t, p)
	if exclusive() {
		t.Error("the closed port is still exclusive")
	}
}

func TestRates(t *testing.T) {
	pty, s := newPty(t)
	for _, baud := range []int{0, 300, 1200, 14400, 28800, 74880, 115200, 128000, 250000, 256000, 921600, 4000000, 12000000} {
		s.Baud = baud
		p := open(t, s)
		f, err := os.OpenFile(pty.Device(), os.O_RDWR|unix.O_NOCTTY, 0)
		if errors.Is(err, unix.EBUSY) {
			t.Skip("without privilege nobody else can look at an exclusive tty")
		}
		if err != nil {
			t.Fatal(err)
		}
		line, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS2)
		if err != nil {
			t.Fatal(err)
		}
		want := uint32(baud)
		if baud == 0 {
			want = serialport.DefaultBaud
		}
		if line.Ospeed != want || line.Ispeed != want {
			t.Errorf("%d baud: the line has %d in, %d out", baud, line.Ispeed, line.Ospeed)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		say(t, pty, "x")
		readFull(t, p, 1)
		closePromptly(t, p)
	}
}

func TestModes(t *testing.T) {
	pty, s := newPty(t)
	for mode, want := range map[string]uint32{
		"5N1": unix.CS5, "6N2": unix.CS6 | unix.CSTOPB, "7E1": unix.CS7 | unix.PARENB, "7O2": unix.CS7 | unix.PARENB | unix.PARODD | unix.CSTOPB, "8N1": unix.CS8,
	} {
		for _, baud := range []int{9600, 250000} { // an odd rate is set apart, and must keep the mode
			s.Mode, s.Baud = mode, baud
			p := open(t, s)
			f, err := os.OpenFile(pty.Device(), os.O_RDWR|unix.O_NOCTTY, 0)
			if errors.Is(err, unix.EBUSY) {
				t.Skip("without privilege nobody else can look at an exclusive tty")
			}
			if err != nil {
				t.Fatal(err)
			}
			line, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS2)
			if err != nil {
				t.Fatal(err)
			}
			// A pty has no wire: the kernel holds it at 8 bits without parity, and keeps the rest.
			const kept = unix.CSTOPB | unix.PARODD
			if got := line.Cflag & kept; got != want&kept {
				t.Errorf("mode %s at %d: the line has %#o; want %#o", mode, baud, got, want&kept)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
			closePromptly(t, p)
		}
	}
	s.Mode = "8M1"
	if _, err := serialport.Open(t.Context(), s, nil); err == nil || !strings.Contains(err.Error(), "mark and space parity") {
		t.Errorf("8M1: %v", err)
	}
}

func TestNotASerialPort(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, "/dev/null"} {
		if _, err := serialport.Open(t.Context(), serialport.Settings{Port: path}, nil); err == nil || !strings.Contains(err.Error(), "not a serial port") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestOpenAfterContext(t *testing.T) {
	_, s := newPty(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := serialport.Open(ctx, s, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	open(t, s) // it is not locked
}

// cpu is the processor time that this process has used.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A port that waits uses no processor, and one that has hung up ends the loop of its reader.
func TestIdle(t *testing.T) {
	pty, s := newPty(t)
	p := open(t, s)
	done := inBackground(func() (int, error) { return p.Read(make([]byte, 10)) })
	const while = 2 * time.Second
	before := cpu(t)
	select {
	case a := <-done:
		t.Fatalf("Read: %d, %v", a.n, a.err)
	case <-time.After(while):
	}
	if used := cpu(t) - before; used > while/10 {
		t.Errorf("%v of processor time in %v of waiting", used, while)
	}
	if err := pty.Unplug(); err != nil {
		t.Fatal(err)
	}
	if a := wait(t, done); !errors.Is(a.err, serialport.ErrHangup) {
		t.Errorf("Read: %v", a.err)
	}
}

// Reads, writes, deadlines and Close from many goroutines at once.
func TestConcurrent(t *testing.T) {
	pty, s := newPty(t)
	go func() { _, _ = io.Copy(io.Discard, pty) }() // ends with the pty
	for range 5 {
		p := open(t, s)
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				b := make([]byte, 16)
				for {
					if _, err := p.Read(b); errors.Is(err, os.ErrClosed) {
						return
					}
				}
			})
			all.Go(func() {
				for {
					if _, err := p.Write([]byte("0123456789")); errors.Is(err, os.ErrClosed) {
						return
					}
				}
			})
			all.Go(func() {
				for {
					if err := p.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
						return
					}
				}
			})
		}
		for range 20 {
			say(t, pty, "0123456789")
		}
		closePromptly(t, p)
		all.Wait()
	}
}
