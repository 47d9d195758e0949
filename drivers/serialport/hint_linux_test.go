package serialport_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"fieldpost/drivers/serialport"
)

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		err  error
		want []string
	}{
		{&fs.PathError{Op: "lstat", Path: "x", Err: unix.ENOENT}, []string{"open /dev/none: no such file or directory", "/dev/serial/by-id"}},
		{unix.EACCES, []string{"open /dev/none: permission denied", "add the service user to group dialout"}},
		{unix.EPERM, []string{"permission denied", "dialout"}},
		{unix.EBUSY, []string{"the port is in use", "fuser -v /dev/none"}},
		{unix.ENOTTY, []string{"not a serial port"}},
		{unix.EIO, []string{"nothing is behind this path"}},
		{unix.EMFILE, []string{"open /dev/none: too many open files"}},
	} {
		got := serialport.Explain("/dev/none", c.err).Error()
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%v: got %q; want %q in it", c.err, got, want)
			}
		}
	}
}

func TestPlugged(t *testing.T) {
	dir := t.TempDir()
	if got := serialport.Plugged(dir); !strings.Contains(got, "no USB adapter is plugged in") {
		t.Errorf("empty folder: got %q", got)
	}
	if got := serialport.Plugged(filepath.Join(dir, "none")); !strings.Contains(got, "no USB adapter is plugged in") {
		t.Errorf("no folder: got %q", got)
	}
	for _, name := range []string{"usb-FTDI_1", "usb-Arduino_2"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := serialport.Plugged(dir); !strings.HasSuffix(got, ": usb-Arduino_2, usb-FTDI_1") {
		t.Errorf("got %q", got)
	}
}

func TestLockHolder(t *testing.T) {
	dir := t.TempDir()
	device := filepath.Join(dir, "tty")
	if err := os.WriteFile(device, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(device, &st); err != nil {
		t.Fatal(err)
	}
	locks := filepath.Join(dir, "locks")
	text := fmt.Sprintf("1: POSIX  ADVISORY  WRITE 11 %[1]s 0 EOF\n2: FLOCK  ADVISORY  WRITE 12 00:01:1 0 EOF\n2: -> FLOCK  ADVISORY  WRITE 13 %[1]s 0 EOF\n"+
		"3: FLOCK  ADVISORY  WRITE 0 %[1]s 0 EOF\n4: FLOCK  ADVISORY  WRITE 1234 %[1]s 0 EOF\n",
		fmt.Sprintf("%02x:%02x:%d", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)), st.Ino))
	if err := os.WriteFile(locks, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serialport.LockHolder(locks, device); got != 1234 {
		t.Errorf("got process %d; want 1234", got)
	}
	if got := serialport.LockHolder(locks, locks); got != 0 {
		t.Errorf("of a file without a lock: got process %d; want none", got)
	}
	if got := serialport.LockHolder(filepath.Join(dir, "none"), device); got != 0 {
		t.Errorf("without a list: got process %d; want none", got)
	}
}

func TestFileHolder(t *testing.T) {
	device := filepath.Join(t.TempDir(), "tty")
	if err := os.WriteFile(device, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serialport.FileHolder("/proc", device); got != 0 {
		t.Errorf("nobody has it open: got process %d", got)
	}
	f, err := os.Open(device)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	other := exec.Command("cat")
	in, err := other.StdinPipe() // it waits for its end
	if err != nil {
		t.Fatal(err)
	}
	other.ExtraFiles = []*os.File{f}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if got := serialport.FileHolder("/proc", device); got != other.Process.Pid {
		t.Errorf("got process %d; want %d", got, other.Process.Pid)
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	if err := other.Wait(); err != nil {
		t.Error(err)
	}
}
