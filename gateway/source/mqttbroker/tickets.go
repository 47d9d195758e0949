package mqttbroker

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"fieldpost/journal/durable"
)

const (
	// A ticket is made with the newest key, which is a day old at most, and taken for a week: RFC 8446, section 4.6.1.
	ticketDay  = 24 * time.Hour
	ticketWeek = 7 * ticketDay
	ticketLook = time.Hour
)

// tickets are the keys of TLS sessions, kept through restarts: 5,000 nodes that come back to a gateway that was started again would else all pay for whole
// handshakes, some kilobytes each on a metered link. The file is as worthy of protection as the certificate's key; a key in it is forgotten after a week.
type tickets struct {
	path string
	now  func() time.Time
	log  *slog.Logger
	salt []byte // who is let in: where that changes, tickets of before are worth nothing
	keys []ticketKey
}

type ticketKey struct {
	Made   time.Time `json:"made"`
	Secret []byte    `json:"secret"`
}

// openTickets reads the keys, if there are any.
func openTickets(path, clientCAFile string, log *slog.Logger) (*tickets, error) {
	t := &tickets{path: path, now: time.Now, log: log}
	if clientCAFile != "" {
		pem, err := os.ReadFile(clientCAFile)
		if err != nil {
			return nil, fmt.Errorf("read client_ca_file: %w", err)
		}
		sum := sha256.Sum256(pem)
		t.salt = sum[:]
	}
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &t.keys)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("the keys of TLS sessions cannot be read and are made anew; each node makes a whole handshake once", "path", path, "err", err)
	}
	return t, nil
}

// serve keeps c in keys until ctx ends.
func (t *tickets) serve(ctx context.Context, c *tls.Config) {
	tick := time.NewTicker(ticketLook)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			t.turn(c)
		case <-ctx.Done():
			return
		}
	}
}

// turn forgets old keys, makes a new one when the newest is a day old, and hands them to c.
func (t *tickets) turn(c *tls.Config) {
	now := t.now()
	keep := t.keys[:0]
	for _, k := range t.keys {
		if age := now.Sub(k.Made); age >= 0 && age < ticketWeek && len(k.Secret) == 32 {
			keep = append(keep, k)
		}
	}
	changed := len(keep) != len(t.keys)
	t.keys = keep
	if len(t.keys) == 0 || now.Sub(t.keys[0].Made) >= ticketDay {
		secret := make([]byte, 32)
		_, _ = rand.Read(secret) // never fails: crypto/rand
		t.keys = append([]ticketKey{{now, secret}}, t.keys...)
		changed = true
	}
	if changed {
		if err := t.write(); err != nil {
			t.log.Warn("the keys of TLS sessions cannot be kept; after a restart each node makes a whole handshake", "path", t.path, "err", err)
		}
	}
	derived := make([][32]byte, len(t.keys))
	for i, k := range t.keys {
		b, err := hkdf.Key(sha256.New, k.Secret, t.salt, "fieldpost tls session tickets", 32)
		if err != nil { // it cannot be: 32 bytes can always be derived
			return
		}
		copy(derived[i][:], b)
	}
	c.SetSessionTicketKeys(derived)
}

func (t *tickets) write() error {
	b, err := json.Marshal(t.keys)
	if err != nil {
		return err
	}
	temp := t.path + ".tmp"
	if err := os.WriteFile(temp, b, 0o600); err != nil {
		return err
	}
	return durable.Rename(temp, t.path)
}
