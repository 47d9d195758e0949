package torture

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
)

// way is how an edge's frames reach the gateway.
type way int

const (
	embedded way = iota // the gateway is the broker
	outside             // a Mosquitto of somebody else's: both connect to it
	bridged             // a Mosquitto on the edge's site, which bridges to the gateway
)

// shape is what a schedule is played on.
type shape struct {
	way    way
	links  int  // to the same gateway, each over a network of its own
	small  bool // the edge has room for some seconds only: it must forget, and may forget only what is safe
	clocks bool // the edge's wall clock steps
	coding string
}

// drawShape has the seed decide.
func drawShape(r *rand.Rand, o Options) shape {
	s := shape{links: 1}
	if o.mosquitto != "" {
		s.way = []way{embedded, embedded, embedded, outside, bridged}[r.IntN(5)]
	}
	if s.way == embedded && r.IntN(3) == 0 {
		s.links = 2
	}
	if o.Bench != "" {
		s.small, s.clocks = r.IntN(4) == 0, r.IntN(4) == 0
	}
	s.coding = []string{"auto", "full", "full", "light", "plain"}[r.IntN(5)]
	return s
}

func (s shape) String() string {
	words := []string{[]string{"own broker", "outside broker", "bridging broker"}[s.way]}
	words = append(words, s.coding)
	if s.links > 1 {
		words = append(words, fmt.Sprintf("%d links", s.links))
	}
	if s.small {
		words = append(words, "little room")
	}
	if s.clocks {
		words = append(words, "stepping clock")
	}
	return strings.Join(words, ", ")
}

// plain reports whether the edge is the binary as it is released. A clock that can be stepped and a journal smaller than any configuration allows need
// the same edge in other hands: fieldpost-bench edge.
func (s shape) plain() bool { return !s.small && !s.clocks }

// findMosquitto returns where the broker is, "" if it is not installed.
func findMosquitto() string {
	for _, name := range []string{"mosquitto", "/usr/sbin/mosquitto"} { // not on every user's PATH
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}
