package mqtt

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"fieldpost/mqttguard"
)

// explain says why a connection was not made, and what an operator can do about it. What it was told stays wrapped.
func (d *Dialer) explain(c *conn, err error) error {
	if e := c.dialErr.Load(); e != nil {
		err = *e
	}
	err = cause(err)
	if advice := d.advice(err); advice != "" {
		return fmt.Errorf("%w; %s", err, advice)
	}
	switch {
	case errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword), errors.Is(err, packets.ErrorRefusedNotAuthorised):
		return fmt.Errorf("the broker refuses the node: %w; check username, password_file and the client certificate", err)
	case errors.Is(err, packets.ErrorRefusedIDRejected):
		return fmt.Errorf("the broker refuses the client id %s.%s: %w", c.info.Node, c.info.Link, err)
	}
	return err
}

// cause drops paho's "network Error" before what really happened: it wraps both.
func cause(err error) error {
	if both, ok := err.(interface{ Unwrap() []error }); ok {
		if errs := both.Unwrap(); len(errs) == 2 && errs[0] == packets.ErrorNetworkError && errs[1] != nil {
			return errs[1]
		}
	}
	return err
}

// advice is what to do about an error of the network or of TLS, or empty.
func (d *Dialer) advice(err error) string {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var lookup *net.DNSError
	var slow net.Error
	switch {
	case errors.As(err, &unknown):
		return "name the gateway's certificate authority under ca_file"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "is the node's clock right?"
	case errors.As(err, &name):
		return "write the name that the certificate has into url"
	case refusedCertificate(err) && d.s.CertFile == "":
		return "the gateway wants a certificate of the node's own: name it under cert_file and key_file"
	case refusedCertificate(err):
		return "the gateway does not accept the node's certificate; check cert_file and key_file against the gateway's client_ca_file"
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return "check the host's name in url"
	case errors.As(err, &lookup):
		return "is the node's network up, and its name server reachable?"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "is the gateway running, and are host and port in url right?"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "is the node's network up, and is the host in url right?"
	case errors.As(err, &slow) && slow.Timeout():
		return "nothing answers there: does a firewall or a dead tunnel stand between, and are host and port in url right?"
	case otherLanguage(err):
		return d.otherScheme()
	}
	return ""
}

// refusedCertificate reports whether the other end says that ours, or none, will not do. TLS 1.2 has no alert of its own for none and says
// handshake failure. The type of alerts is private to crypto/tls.
func refusedCertificate(err error) bool {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return false
	}
	alert := op.Err.Error()
	return strings.Contains(alert, "certificate") || strings.Contains(alert, "handshake failure")
}

// otherLanguage reports whether the other end took the connection and then hung up, or answered what is neither TLS nor MQTT: most often
// one end speaks TLS and the other does not.
func otherLanguage(err error) bool {
	var record tls.RecordHeaderError
	return errors.As(err, &record) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, mqttguard.ErrTooLarge) || errors.Is(err, mqttguard.ErrMalformed) ||
		// paho's, which has no variable for it. A TLS alert reads as an MQTT packet of type 1.
		err.Error() == "non-CONNACK first packet received"
}

func (d *Dialer) otherScheme() string {
	secure := map[string]string{"tcp": "ssl", "ws": "wss"}
	plain := map[string]string{"ssl": "tcp", "wss": "ws"}
	if s, ok := secure[d.url.Scheme]; ok {
		return fmt.Sprintf("is that the gateway's port? if it wants TLS, begin url with %s://", s)
	}
	return fmt.Sprintf("does the gateway's port speak TLS? if not, begin url with %s://", plain[d.url.Scheme])
}
