package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// Two edges that leave node out on one machine, or run from copies of one card, push each other off the broker for ever. Neither side can
// know which of them is meant, but both must say what it looks like. What both read arrives all the same, each by its own journal's numbers.
func TestTwoEdgesOfOneName(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.up()
	link := fmt.Sprintf("tcp://127.0.0.1:%d", s.mqtt)
	tcp := instrument(t)
	first := newEdge(t, filepath.Join(s.dir, "first"), "pi-1", link, "tcp: "+tcp.Address())
	other := instrument(t)
	second := newEdge(t, filepath.Join(s.dir, "second"), "pi-1", link, "tcp: "+other.Address())
	first.up()
	connected(t, tcp)
	second.up()
	connected(t, other)
	await(t, "both to say what it is", patience, func() bool {
		return strings.Contains(first.process.log.String(), "if this goes on, another edge has the same node name") &&
			strings.Contains(s.gateway.log.String(), "two edges have the same node name: give each its own")
	})
	say(t, tcp, 1, 20)
	say(t, other, 21, 40)
	await(t, "what both read", patience, func() bool { return len(s.readings("pi-1")) >= 40 })
	seen := map[int]int{}
	for _, n := range numbers(t, s.readings("pi-1")) {
		seen[n]++
	}
	for n := 1; n <= 40; n++ {
		if seen[n] != 1 {
			t.Errorf("reading %d is there %d times", n, seen[n])
		}
	}
}
