//go:build !linux

package serialport

import (
	"fmt"
	"log/slog"
	"runtime"
	"time"
)

// Port is an open serial line. There is none on this system.
type Port struct{}

func open(s Settings, _ *slog.Logger) (*Port, error) {
	return nil, fmt.Errorf("open %s: serial ports are supported on Linux only, this is %s", s.Port, runtime.GOOS)
}

var errNone = fmt.Errorf("serial ports are supported on Linux only, this is %s", runtime.GOOS)

// Read returns an error.
func (p *Port) Read([]byte) (int, error) { return 0, errNone }

// Write returns an error.
func (p *Port) Write([]byte) (int, error) { return 0, errNone }

// SetReadDeadline returns an error.
func (p *Port) SetReadDeadline(time.Time) error { return errNone }

// SetWriteDeadline returns an error.
func (p *Port) SetWriteDeadline(time.Time) error { return errNone }

// Close does nothing.
func (p *Port) Close() error { return nil }
