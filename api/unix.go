package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

const (
	maxSocketPath = 107 // sun_path of Linux, without its final zero
	dialTime      = 5 * time.Second
)

// ListenUnix opens the control socket at path, for its owner only (0600 from the moment it exists). A socket file that a killed process left
// is removed, one that still answers is an error. Closing the listener removes the file.
func ListenUnix(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("control socket %s: the path is %d bytes long, the system allows %d; choose a shorter data folder", path, len(path), maxSocketPath)
	}
	l, err := listenUnix(path)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return l, err
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	return listenUnix(path)
}

func listenUnix(path string) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		// The file takes the mode of the socket at bind (unix(7)), so that there is no moment at which others could connect.
		if e := c.Control(func(fd uintptr) { err = syscall.Fchmod(int(fd), 0o600) }); e != nil {
			return e
		}
		return err
	}}
	l, err := config.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return l, nil
}

// removeStale removes the socket file at path if nobody answers on it.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if err == nil && info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("control socket %s: there is a file of this name that is no socket; move it away", path)
	}
	conn, err := net.DialTimeout("unix", path, dialTime)
	switch {
	case err == nil:
		_ = conn.Close() // only asked whether somebody is there
		return fmt.Errorf("control socket %s: another process answers on it; stop it first", path)
	case errors.Is(err, fs.ErrNotExist):
		return nil // gone meanwhile
	case !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("control socket: see whether somebody answers: %w", err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("control socket: remove what an earlier process left: %w", err)
	}
	return nil
}

// ErrNotRunning is in a Client's error when nobody listens on its socket.
var ErrNotRunning = errors.New("no running process answers")

// Client returns a client whose every request goes to the process that listens on the control socket at path, whatever host the URL
// names. Times are up to the request's context.
func Client(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, // one question, then gone
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			dialer := net.Dialer{Timeout: dialTime}
			conn, err := dialer.DialContext(ctx, "unix", path)
			var op *net.OpError
			switch {
			case (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)) && errors.As(err, &op):
				return nil, fmt.Errorf("%w on %s (%w); start it, or ask with the config that it runs by", ErrNotRunning, path, op.Err)
			case errors.Is(err, fs.ErrPermission):
				return nil, fmt.Errorf("%w; ask as the user that the process runs as", err)
			}
			return conn, err
		},
	}}
}
