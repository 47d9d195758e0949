package mqtt

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// userTimeout is how long what was sent may stay unacknowledged by the other end's TCP before the kernel gives up. It is as long as
	// the forwarder waits for an answer in all, so that no dead socket outlives the protocol above it.
	userTimeout = time.Minute

	// unsent is how much the kernel holds of what it could not send yet. More would only be queue in front of an alarm.
	unsent = 16 << 10
)

// tune sets what Go's dialer does not. A kernel that lacks an option does without it.
func tune(_, _ string, raw syscall.RawConn) error {
	return raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsent)
	})
}
