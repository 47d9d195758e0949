package drivers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"fieldpost/configs/setting"
	"fieldpost/drivers/serialport"
)

// Attachment says where a device is attached: exactly one of Port (a private serial line), Bus (a shared bus by name) and TCP (host:port).
type Attachment struct {
	// The path of a serial port that the device has to itself, best out of /dev/serial/by-id: /dev/ttyUSB0 may be another device tomorrow.
	Port string `yaml:"port"`
	// The name of a shared line, out of buses in edge.yaml.
	Bus string `yaml:"bus"`
	// An address to connect to, as host:port.
	TCP             string           `yaml:"tcp"`
	serialport.Line `yaml:",inline"` // baud, mode …: only with Port

	nothing bool // see Detached
}

// Detached is what a kind's settings embed (yaml:",inline") in place of an Attachment if its devices are attached to nothing: they
// are made up, or come out of a file. They have no keys port, bus and tcp, and each device has a driver of its own, with the zero Bus.
type Detached struct{}

// Attached says that there is nothing to say.
func (Detached) Attached() Attachment { return Attachment{nothing: true} }

// Attached returns a itself, so that embedding is enough to be Settings.
func (a Attachment) Attached() Attachment { return a }

// CheckAttachment reports what is wrong with a under the keys port, bus, tcp, baud and mode. Each kind's settings call it from their own
// Check; it is not called Check, so that they do not become a setting.Checker without saying so.
func (a Attachment) CheckAttachment(problem, warning setting.Problem) {
	if a.nothing {
		return
	}
	var given []string
	for _, way := range []struct{ key, value string }{{"port", a.Port}, {"bus", a.Bus}, {"tcp", a.TCP}} {
		if way.value != "" {
			given = append(given, way.key)
		}
	}
	switch len(given) {
	case 0:
		problem("", "say where the device is attached: port (a serial line of its own), bus (a name out of buses) or tcp (host:port)")
	case 1:
	default:
		problem(given[1], "a device is attached in one way: use %s or %s", given[0], given[1])
	}
	if a.Port != "" {
		serialport.CheckPort(a.Port, warning)
	} else {
		if a.Baud != 0 {
			problem("baud", "only a port has it; a shared bus has its own in edge.yaml")
		}
		if a.Mode != "" {
			problem("mode", "only a port has it; a shared bus has its own in edge.yaml")
		}
		a.Line = serialport.Line{} // said enough about it
	}
	a.CheckLine(problem)
	if a.TCP != "" {
		if err := setting.CheckAddress(a.TCP); err != nil {
			problem("tcp", "%v", err)
		}
	}
}

// Private returns the bus that a alone describes, the zero Bus for a device that is attached to nothing; ok is false where a names a shared one.
func (a Attachment) Private() (b Bus, ok bool) {
	switch {
	case a.nothing:
		return Bus{}, true
	case a.Port != "":
		return Bus{Name: a.Port, Serial: &serialport.Settings{Port: a.Port, Line: a.Line}}, true
	case a.TCP != "":
		return Bus{Name: a.TCP, TCP: a.TCP}, true
	}
	return Bus{}, false
}

// Bus is an opened-later way to instruments: exactly one of Serial and TCP is set, or neither for a Detached device.
type Bus struct {
	Name   string // as status shows it: the bus's name, or the port or address of a private one; "" if there is none
	Serial *serialport.Settings
	TCP    string // host:port
}

// Stream is an open bus. Read returns at least one byte or an error; at a deadline it is os.ErrDeadlineExceeded. Deadlines bound the
// calls that begin after they are set. Close ends all other calls within 500 ms.
type Stream interface {
	io.ReadWriteCloser
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

const (
	// dialTimeout is less than the kernel's two minutes: the edge asks again soon enough.
	dialTimeout = 10 * time.Second

	// A converter that lost its power says nothing, and a bus that is only listened to would wait for ever. Three probes after
	// 15 s of quiet, 5 s apart, notice it in 30 s.
	quietTCP   = 15 * time.Second
	probeTCP   = 5 * time.Second
	missingTCP = 3
)

// Open opens b. It returns ctx's error if ctx ends first; ctx has no say over the Stream afterwards.
func (b Bus) Open(ctx context.Context, log *slog.Logger) (Stream, error) {
	switch {
	case b.Serial != nil:
		p, err := serialport.Open(ctx, *b.Serial, log)
		if err != nil {
			return nil, err // not p: a nil *Port is not a nil Stream
		}
		return p, nil
	case b.TCP != "":
		d := net.Dialer{
			Timeout:         dialTimeout,
			KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: quietTCP, Interval: probeTCP, Count: missingTCP},
		}
		conn, err := d.DialContext(ctx, "tcp", b.TCP)
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, fmt.Errorf("connect to %s: %w", b.TCP, dialCause(err))
		}
		return conn, nil
	}
	return nil, fmt.Errorf("open bus %q: it is neither serial nor tcp", b.Name)
}

// dialCause takes off what repeats the address. The rest says enough: connection refused, i/o timeout, no such host.
func dialCause(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Err
	}
	return err
}
