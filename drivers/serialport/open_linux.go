package serialport

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/tarm/serial"
	"golang.org/x/sys/unix"
)

// ttyBuffer is what the kernel takes for sending before a Write has to wait.
const ttyBuffer = 4096

func open(s Settings, log *slog.Logger) (_ *Port, err error) {
	m, err := s.mode()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", s.Port, err)
	}
	// Resolve the link once, so that a replug between the two opens cannot give two devices.
	path, err := filepath.EvalSymlinks(s.Port)
	if err != nil {
		return nil, explain(s.Port, err)
	}
	side, err := openFD(path)
	if err != nil {
		return nil, explain(s.Port, err)
	}
	wake := -1
	defer func() {
		if err != nil {
			_ = unix.Close(side)
			if wake >= 0 {
				_ = unix.Close(wake)
			}
		}
	}()

	if _, err = unix.IoctlGetTermios(side, unix.TCGETS); err != nil {
		return nil, explain(s.Port, err)
	}
	if err = unix.Flock(side, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, explain(s.Port, err)
	}
	if wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, fmt.Errorf("open %s: eventfd: %w", s.Port, err)
	}
	tty, err := serial.OpenPort(&serial.Config{
		Name: path, Baud: tableRate(s.rate()), ReadTimeout: readTimeout,
		Size: m.bits, Parity: serial.Parity(m.parity), StopBits: serial.StopBits(m.stop),
	})
	if err != nil {
		return nil, explain(s.Port, err)
	}
	defer func() {
		if err != nil {
			_ = tty.Close()
		}
	}()

	var st unix.Stat_t
	if err = unix.Fstat(side, &st); err != nil {
		return nil, explain(s.Port, err)
	}
	if now, statErr := deviceNumber(s.Port); statErr != nil || now != uint64(st.Rdev) {
		err = fmt.Errorf("open %s: %w: it was exchanged while being opened", s.Port, ErrHangup)
		return nil, err
	}
	if err = setRate(side, s.rate()); err != nil {
		return nil, fmt.Errorf("open %s: %w", s.Port, err)
	}
	if err = unix.IoctlSetInt(side, unix.TIOCEXCL, 0); err != nil {
		return nil, explain(s.Port, err)
	}
	log.Debug("serial port opened", "port", s.Port, "path", path, "line", s.Line.String())
	return &Port{
		name: s.Port, log: log, tty: tty, side: side, wake: wake, rdev: uint64(st.Rdev), epoch: time.Now(),
		stall:    10*time.Second + time.Duration(ttyBuffer*12)*time.Second/time.Duration(s.rate()), // 12 bits per byte: start, 8, parity, 2 stop
		released: make(chan struct{}),
	}, nil
}

func openFD(path string) (int, error) {
	for {
		// O_NONBLOCK: without it the open waits for a carrier, and later writes for room.
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

func deviceNumber(path string) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, err
	}
	return uint64(st.Rdev), nil
}

// tableRates are the rates that tarm/serial has a constant for.
var tableRates = [...]int{
	50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800,
	500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000,
}

// tableRate returns the rate to give to tarm/serial: want, or 9600 where setRate has to do it afterwards.
func tableRate(want int) int {
	for _, r := range tableRates {
		if r == want {
			return want
		}
	}
	return DefaultBaud
}

// setRate makes want the rate of the line if tarm/serial could not, and reads back what the hardware made of it.
func setRate(fd, want int) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS2)
	if err != nil {
		return fmt.Errorf("read back the line's settings: %w", err)
	}
	if tableRate(want) != want {
		t.Cflag = t.Cflag&^(unix.CBAUD|unix.CBAUD<<unix.IBSHIFT) | unix.BOTHER | unix.BOTHER<<unix.IBSHIFT
		t.Ispeed, t.Ospeed = uint32(want), uint32(want)
		if err := unix.IoctlSetTermios(fd, unix.TCSETS2, t); err != nil {
			return fmt.Errorf("set %d baud: %w", want, err)
		}
		// What came in meanwhile was read at the wrong rate.
		if err := unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIFLUSH); err != nil {
			return fmt.Errorf("flush after setting %d baud: %w", want, err)
		}
		if t, err = unix.IoctlGetTermios(fd, unix.TCGETS2); err != nil {
			return fmt.Errorf("read back the line's settings: %w", err)
		}
	}
	// A receiver samples the tenth bit of a byte in its middle: beyond 5 % between both ends it reads the neighbour. 3 % leaves the other end 2.
	got := int(t.Ospeed)
	if diff := got - want; max(diff, -diff)*100 > want*3 {
		return fmt.Errorf("set %d baud: the port took %d; use a rate that its hardware can do", want, got)
	}
	return nil
}

// explain wraps an error of opening name, with what an operator can do about it.
func explain(name string, err error) error {
	switch {
	case errors.Is(err, unix.ENOENT):
		return fmt.Errorf("open %s: %w; %s", name, unix.ENOENT, plugged(byID))
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return fmt.Errorf("open %s: %w; add the service user to group %s", name, unix.EACCES, group(name))
	case errors.Is(err, unix.EBUSY), errors.Is(err, unix.EWOULDBLOCK):
		return fmt.Errorf("open %s: %w%s", name, ErrBusy, holder(name))
	case errors.Is(err, unix.ENOTTY):
		return fmt.Errorf("open %s: it is not a serial port", name)
	case errors.Is(err, unix.EIO), errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENODEV):
		return fmt.Errorf("open %s: %w: nothing is behind this path", name, ErrHangup)
	}
	return fmt.Errorf("open %s: %w", name, cause(err))
}
