package mqtt

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"fieldpost/forwarder"
)

// TestExplain is for what needs a network that tests do not have; TestDialErrors meets the rest on real sockets.
func TestExplain(t *testing.T) {
	d, err := New(Settings{URL: "tcp://gateway:1883"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	dialing := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	connecting := func(no syscall.Errno) error { return dialing(os.NewSyscallError("connect", no)) }
	other := errors.New("something else")
	for _, c := range []struct {
		err  error
		want string // advice; "": none
	}{
		{dialing(&net.DNSError{Err: "no such host", Name: "gateway", IsNotFound: true}), "check the host's name in url"},
		{dialing(&net.DNSError{Err: "i/o timeout", Name: "gateway", IsTimeout: true}), "is the node's network up, and its name server reachable?"},
		{connecting(syscall.ECONNREFUSED), "is the gateway running"},
		{connecting(syscall.ENETUNREACH), "is the node's network up"},
		{connecting(syscall.EHOSTUNREACH), "is the node's network up"},
		{&net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, "ssl://"},
		{dialing(os.ErrDeadlineExceeded), "nothing answers there: does a firewall"},
		{&net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}, "nothing answers there: does a firewall"},
		{io.EOF, "ssl://"},
		{other, ""},
	} {
		for _, paho := range []bool{false, true} {
			said := c.err
			if paho {
				said = fmt.Errorf("%w : %w", packets.ErrorNetworkError, c.err)
			}
			got := d.explain(newConn(d, forwarder.Info{Node: "pi-7", Link: "lte"}), said)
			switch {
			case !errors.Is(got, c.err):
				t.Errorf("%v: %v does not wrap it", said, got)
			case c.want == "" && got != c.err:
				t.Errorf("%v: %v, want it as it is", said, got)
			case !strings.HasPrefix(got.Error(), c.err.Error()) || !strings.Contains(got.Error(), c.want):
				t.Errorf("%v: %v, want it with %q", said, got, c.want)
			}
		}
	}
}
