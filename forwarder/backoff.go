package forwarder

import (
	"hash/fnv"
	"time"
)

const (
	firstWait   = time.Second
	longestWait = time.Minute
)

// backoff counts failed attempts and says how long to wait after each: 1 s, doubling up to 60 s, of which a node takes the same
// part between half and all each time, so that a thousand nodes whose gateway comes back do not come all at once.
type backoff struct {
	attempts int
	part     float64
}

func newBackoff(node, link string) backoff {
	h := fnv.New64a()
	h.Write([]byte(node + "\x00" + link))
	x := h.Sum64()
	// FNV leaves the high bits of names that differ only at the end (pi-1, pi-2) nearly the same.
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return backoff{part: 0.5 + 0.5*float64(x>>11)/(1<<53)}
}

// next counts one more failed attempt and returns the wait after it.
func (b *backoff) next() time.Duration {
	d := longestWait
	if b.attempts < 6 {
		d = min(d, firstWait<<b.attempts)
	}
	b.attempts++
	return time.Duration(float64(d) * b.part)
}

// reset is called after an acknowledged round trip: a connection alone proves nothing.
func (b *backoff) reset() { b.attempts = 0 }
