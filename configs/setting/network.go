package setting

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// CheckAddress reports why s cannot be dialled as host:port, or nil.
func CheckAddress(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" {
		return fmt.Errorf("address %q: want host:port", s)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("address %q: port %q is not a number from 1 to 65535", s, port)
	}
	return nil
}

// CheckListen reports why s cannot be listened on as host:port, or nil. Port 0 lets the system choose. An empty host is all interfaces.
func CheckListen(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("listen address %q: want host:port, such as 127.0.0.1:8080", s)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("listen address %q: port %q is not a number from 0 to 65535", s, port)
	}
	if strings.ContainsAny(host, "/@ \t") {
		return fmt.Errorf("listen address %q: %q is neither a host name nor an IP address", s, host)
	}
	return nil
}

// Loopback reports whether only this machine can reach what listens on s (host:port).
// Names other than localhost are not looked up and count as reachable.
func Loopback(s string) bool {
	host, _, err := net.SplitHostPort(s)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Broker says how to reach an MQTT broker. The link and the source that do so each have settings of their own, and share this check.
type Broker struct {
	URL, Username, PasswordFile, CAFile, CertFile, KeyFile, Prefix string
}

var brokerSchemes = []string{"tcp", "ssl", "ws", "wss"}

// Check is a Checker over the keys url, username, password_file, ca_file, cert_file, key_file and prefix.
func (b Broker) Check(problem, warning Problem) {
	u := b.checkURL(problem)
	if b.PasswordFile != "" && b.Username == "" {
		problem("password_file", "password_file without username; MQTT knows no password without a user")
	}
	CheckPair(b.CertFile, b.KeyFile, problem)
	if u != nil {
		encrypted := u.Scheme == "ssl" || u.Scheme == "wss"
		for _, f := range []struct{ key, value string }{{"ca_file", b.CAFile}, {"cert_file", b.CertFile}, {"key_file", b.KeyFile}} {
			if f.value != "" && !encrypted {
				problem(f.key, "%s is for TLS, but the url begins with %s://; write ssl:// or wss://", f.key, u.Scheme)
			}
		}
		if b.PasswordFile != "" && !encrypted && !Loopback(u.Host) && !Loopback(u.Host+":0") {
			warning("url", "the password travels in the clear; write ssl:// or wss:// if the broker can")
		}
	}
	if err := CheckTopicPrefix(b.Prefix); err != nil {
		problem("prefix", "%v", err)
	}
}

func (b Broker) checkURL(problem Problem) *url.URL {
	if b.URL == "" {
		problem("url", "url is missing: the broker's address, such as ssl://gateway.example:8883")
		return nil
	}
	u, err := url.Parse(b.URL)
	switch {
	case strings.Contains(b.URL, "@"): // before anything that would show it
		problem("url", "url: name and password do not belong here; use username and password_file")
	case err != nil || u.Hostname() == "":
		problem("url", "url %q: want scheme://host:port, such as ssl://gateway.example:8883", b.URL)
	case !slices.Contains(brokerSchemes, u.Scheme):
		problem("url", "url %q: unknown scheme %q; want one of tcp, ssl, ws, wss", b.URL, u.Scheme)
	case u.Scheme != "ws" && u.Scheme != "wss" && strings.Trim(u.Path, "/") != "":
		problem("url", "url %q: %s:// takes no path; a topic prefix goes under prefix", b.URL, u.Scheme)
	case u.Port() != "" && CheckAddress(u.Host) != nil:
		problem("url", "url %q: port %q is not a number from 1 to 65535", b.URL, u.Port())
	default:
		return u
	}
	return nil
}

// CheckPair reports a TLS certificate without its key, or the other way round, under cert_file or key_file.
func CheckPair(certFile, keyFile string, problem Problem) {
	switch {
	case certFile != "" && keyFile == "":
		problem("cert_file", "cert_file without key_file; they go together")
	case certFile == "" && keyFile != "":
		problem("key_file", "key_file without cert_file; they go together")
	}
}

// CheckTopicPrefix reports why s cannot be the first levels of an MQTT topic, or nil.
func CheckTopicPrefix(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("empty topic prefix")
	case len(s) > 200:
		return fmt.Errorf("topic prefix of %d bytes; at most 200", len(s))
	case strings.ContainsAny(s, "+#\x00"):
		return fmt.Errorf("topic prefix %q: + and # are wildcards and cannot stand in it", s)
	case strings.HasPrefix(s, "$"):
		return fmt.Errorf("topic prefix %q: topics beginning with $ belong to the broker", s)
	case strings.HasPrefix(s, "/") || strings.HasSuffix(s, "/"):
		return fmt.Errorf("topic prefix %q: leave out the / at its ends", s)
	}
	return nil
}

// FixedPort reports whether s (host:port) names a port, rather than letting the system choose with port 0.
func FixedPort(s string) bool {
	_, port, err := net.SplitHostPort(s)
	return err == nil && strings.Trim(port, "0") != ""
}
