package mqttbroker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/crypto/bcrypt"

	"fieldpost/telemetry"
)

// UserLine makes a line of the users file, without a line end. A node's name must be a node's; a reader's may be any of letters,
// digits and ._@-. The password is 1 to 72 bytes, as bcrypt takes no more.
func UserLine(name, password string, role Role) (string, error) {
	line := "%s:%s"
	check := telemetry.CheckNode
	if role == Reader {
		line, check = "%s:%s:reader", checkUser
	}
	if err := check(name); err != nil {
		return "", err
	}
	if password == "" {
		return "", errors.New("empty password")
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	if errors.Is(err, bcrypt.ErrPasswordTooLong) {
		return "", errors.New("password longer than 72 bytes; bcrypt takes no more")
	}
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return fmt.Sprintf(line, name, hash), nil
}

// SetUser puts a line that UserLine made into the users file at path, in place of the user's old one or at the end; a file that
// is not there begins with it. All other lines stay. The file is replaced as a whole, so that a running gateway never reads half of it, and
// keeps its owner and mode; a new one is its maker's alone.
func SetUser(path, line string) error {
	user, err := parseUser(line)
	if err != nil {
		return fmt.Errorf("line for users file: %w", err)
	}
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read users file: %w", err)
	}
	var text strings.Builder
	placed := false
	for l := range strings.Lines(string(old)) {
		if of, _, _ := strings.Cut(strings.TrimSpace(l), ":"); of == user.name {
			if placed {
				continue
			}
			l, placed = line+"\n", true
		}
		text.WriteString(strings.TrimSuffix(l, "\n") + "\n")
	}
	if !placed {
		text.WriteString(line + "\n")
	}
	if err := replaceFile(path, text.String()); err != nil {
		return fmt.Errorf("write users file: %w", err)
	}
	return nil
}

func replaceFile(path, text string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if info, err := os.Stat(path); err == nil {
		err = f.Chmod(info.Mode().Perm())
		if sys, ok := info.Sys().(*syscall.Stat_t); ok {
			err = errors.Join(err, f.Chown(int(sys.Uid), int(sys.Gid)))
		}
		if err != nil {
			return errors.Join(err, f.Close())
		}
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// checkUser reports why s cannot be the name of a user who is no node, or nil.
func checkUser(s string) error {
	if s == "" || len(s) > telemetry.MaxName {
		return fmt.Errorf("user name %.80q: want 1 to %d bytes", s, telemetry.MaxName)
	}
	for _, c := range s {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.ContainsRune("._@-", c):
		default:
			return fmt.Errorf("user name %q: use letters, digits and ._@-", s)
		}
	}
	return nil
}
