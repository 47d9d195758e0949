package mqttbroker

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"fieldpost/telemetry"
)

// users is the users file: a line for each user, name:hash or name:hash:reader, the hash as bcrypt writes it ($2y$…), so that
// htpasswd -B can make the first form. A user without a role is the node of its name. Empty lines and lines beginning with # are
// left out. The file is read again when it has changed. Safe for concurrent use.
type users struct {
	path string
	key  [sha256.Size]byte // of proofs; drawn at start, so that they are worth nothing elsewhere
	gate chan struct{}     // bounds verifications by bcrypt at once: a flood of guesses must leave a core for the rest

	mu     sync.Mutex
	byName map[string]who
	proofs map[string][sha256.Size]byte // of passwords verified: a herd that comes back must not cost 60 ms each
	stamp  fileStamp                    // of what byName holds
	seen   fileStamp                    // at the last look
}

// fileStamp tells one content of a file from another.
type fileStamp struct {
	modified time.Time
	size     int64
}

var (
	errUser    = errors.New("unknown user or wrong password")
	errBusy    = errors.New("too many passwords to verify at once")
	errChanged = errors.New("user removed, or password changed")
)

// longestVerify is how long a client waits for its turn with bcrypt, 60 ms for each before it. Later it has given up.
const longestVerify = 10 * time.Second

func loadUsers(path string) (*users, error) {
	u := &users{path: path, gate: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1)), proofs: make(map[string][sha256.Size]byte)}
	rand.Read(u.key[:])
	if _, err := u.reread(); err != nil {
		return nil, err
	}
	return u, nil
}

// reread reads the file if it has changed and has not gone on changing since the last call, as an editor that empties a file before it
// writes it must not end everybody's connection. It reports whether the users changed. A file that cannot be used leaves them as they were.
func (u *users) reread() (changed bool, err error) {
	info, err := os.Stat(u.path)
	if err != nil {
		return false, fmt.Errorf("read users_file: %w", err)
	}
	stamp := fileStamp{info.ModTime(), info.Size()}
	u.mu.Lock()
	first, settled, same := u.byName == nil, stamp == u.seen, stamp == u.stamp
	u.seen = stamp
	u.mu.Unlock()
	if !first && (same || !settled) {
		return false, nil
	}
	b, err := os.ReadFile(u.path)
	if err != nil {
		return false, fmt.Errorf("read users_file: %w", err)
	}
	byName, err := parseUsers(string(b))
	if err != nil {
		return false, fmt.Errorf("users_file %s, %w", u.path, err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.byName, u.stamp = byName, stamp
	clear(u.proofs)
	return true, nil
}

func parseUsers(text string) (map[string]who, error) {
	m := make(map[string]who)
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		w, err := parseUser(line)
		if err == nil && m[w.name].name != "" {
			err = fmt.Errorf("user %s has a line before this one", w.name)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		m[w.name] = w
	}
	return m, nil
}

// parseUser never repeats the hash in an error.
func parseUser(line string) (who, error) {
	name, rest, ok := strings.Cut(line, ":")
	if !ok {
		return who{}, errors.New("want name:hash or name:hash:reader")
	}
	hash, role, _ := strings.Cut(rest, ":")
	w := who{name: name, hash: hash}
	switch role {
	case "", "node":
		if err := telemetry.CheckNode(name); err != nil {
			return who{}, fmt.Errorf("%w; who only reads states has :reader at the end of the line", err)
		}
	case "reader":
		w.role = Reader
		if err := checkUser(name); err != nil {
			return who{}, err
		}
	default:
		return who{}, fmt.Errorf("user %.80q: unknown role %.80q; want node or reader", name, role)
	}
	if _, err := bcrypt.Cost([]byte(hash)); err != nil {
		return who{}, fmt.Errorf("user %s: the hash is not one of bcrypt; make the line with fieldpost-gateway passwd or htpasswd -B", name)
	}
	return w, nil
}

// verify finds the user with this password. An unknown name costs nothing and can be told by that from a wrong password: nodes' names are
// no secret, and a flood of made-up ones must not keep nodes waiting.
func (u *users) verify(name string, password []byte) (who, error) {
	w, known, proven := u.look(name, password)
	if !known {
		return who{}, errUser
	}
	if proven {
		return w, nil
	}
	turn := time.NewTimer(longestVerify)
	defer turn.Stop()
	select {
	case u.gate <- struct{}{}:
	case <-turn.C:
		return who{}, errBusy
	}
	defer func() { <-u.gate }()
	// Another connection of the same user may have proven it while this one waited.
	if w, known, proven = u.look(name, password); !known || proven {
		if !known {
			return who{}, errUser
		}
		return w, nil
	}
	if bcrypt.CompareHashAndPassword([]byte(w.hash), password) != nil {
		return who{}, errUser
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.byName[name] == w {
		u.proofs[name] = u.proof(w, password)
	}
	return w, nil
}

func (u *users) look(name string, password []byte) (w who, known, proven bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	w, known = u.byName[name]
	if known {
		have, ok := u.proofs[name]
		want := u.proof(w, password)
		proven = ok && hmac.Equal(have[:], want[:])
	}
	return w, known, proven
}

// proof is worth as much as the password while the process and the user's line last.
func (u *users) proof(w who, password []byte) (sum [sha256.Size]byte) {
	m := hmac.New(sha256.New, u.key[:])
	m.Write([]byte(w.hash)) // bcrypt's alphabet has no zero byte, so the parts cannot be mistaken
	m.Write([]byte{0})
	m.Write(password)
	m.Sum(sum[:0])
	return sum
}

// holds reports whether w is still a user as it was when it was let in.
func (u *users) holds(w who) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.byName[w.name] == w
}

// watchUsers rereads the file until ctx ends, and ends the connections of users that are gone or have another password.
func (b *Broker) watchUsers(ctx context.Context) {
	tick := time.NewTicker(b.Limits.RereadUsers)
	defer tick.Stop()
	said := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := b.users.reread()
		if err != nil {
			if err.Error() != said {
				b.log.Error("users file cannot be read; the users are as before", "err", err)
			}
			said = err.Error()
			continue
		}
		said = ""
		if !changed {
			continue
		}
		b.log.Info("users file read again", "path", b.users.path)
		for _, s := range b.all() {
			if s.sock.admitted.Load() && s.who.hash != "" && !b.users.holds(s.who) {
				s.end("", errChanged)
			}
		}
	}
}
