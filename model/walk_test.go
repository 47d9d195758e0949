package model_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"fieldpost/telemetry"
)

// walks is how many walks a test makes.
func walks(t *testing.T) int {
	s := os.Getenv("MODEL_WALKS")
	if s == "" {
		return 25
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("MODEL_WALKS is %q, not a number of walks", s)
	}
	return n
}

// TestWalks shows that the rules hold whatever the order of things. MODEL_WALKS says how many walks, MODEL_SEED where they begin.
func TestWalks(t *testing.T) {
	from, _ := strconv.Atoi(os.Getenv("MODEL_SEED"))
	for i := range walks(t) {
		seed := uint64(from + i)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			wrong, steps := walk(t, seed, none)
			if len(wrong) > 0 {
				t.Errorf("after %v:", steps)
			}
			for _, s := range wrong {
				t.Error(s)
			}
		})
	}
}

// TestFlawsAreFound breaks one rule at a time, to see that walks can fail: soon, and for the reason that the rule is there for.
func TestFlawsAreFound(t *testing.T) {
	for name, f := range map[string]flaw{"acks what was not committed": acksUncommited, "acks at receipt": acksAtReceipt} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(60) {
				if wrong, _ := walk(t, seed, f); len(wrong) > 0 {
					t.Logf("found by walk %d: %s", seed, wrong[0])
					return
				}
			}
			t.Error("60 walks found nothing")
		})
	}
}

// walk makes one walk and returns what did not hold, and what was done.
func walk(t *testing.T, seed uint64, f flaw) (wrong, steps []string) {
	base, err := os.MkdirTemp("/dev/shm", "walk-")
	if err != nil {
		base = t.TempDir()
	}
	defer os.RemoveAll(base)
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(seed, 11))
		w := &world{t: t, r: r, dir: base, broker: r.IntN(2) == 0, flaw: f, content: map[at]float64{}}
		w.startGateway(filepath.Join(base, "gateway"))
		u := &unit{w: w, name: "edge 0"}
		u.start(filepath.Join(base, "edge"))
		w.units = []*unit{u}
		defer func() {
			for _, u := range w.units {
				u.stop()
			}
			w.gateway.stop()
			synctest.Wait()
		}()
		for range 30 {
			steps = append(steps, w.step())
			time.Sleep(time.Duration(r.IntN(1+r.IntN(8000))) * time.Millisecond)
			w.check()
			if len(w.wrong) > 0 {
				break
			}
		}
		if len(w.wrong) == 0 && f == none {
			w.drain()
		}
		wrong = w.wrong
	})
	return wrong, steps
}

// step does one thing and says which.
func (w *world) step() string {
	r := w.r
	u := w.units[r.IntN(len(w.units))]
	l := u.links[r.IntN(len(u.links))]
	switch n := r.IntN(100); {
	case n < 30:
		for range 1 + r.IntN(4) {
			u.produce(telemetry.Lanes()[r.IntN(3)], 1+r.IntN(20))
		}
		return u.name + " takes readings"
	case n < 38:
		l.down(errors.New("cut"), false)
		return "cut"
	case n < 44:
		l.mu.Lock()
		l.silent = !l.silent
		l.mu.Unlock()
		return "silence"
	case n < 49:
		l.mu.Lock()
		l.closed = !l.closed
		l.mu.Unlock()
		return "no way, or a way again"
	case n < 54:
		l.mu.Lock()
		l.slow = time.Duration(r.IntN(3000)) * time.Millisecond
		l.mu.Unlock()
		return "slow"
	case n < 62:
		u.replace(w.copy(u.dir))
		return u.name + " killed"
	case n < 67:
		u.saved = append(u.saved, w.copy(u.dir))
		return u.name + " copied"
	case n < 72 && len(u.saved) > 0:
		u.replace(w.copy(u.saved[r.IntN(len(u.saved))]))
		return u.name + " put back"
	case n < 75 && len(w.units) < 2:
		c := &unit{w: w, name: "edge 1"}
		c.start(w.copy(u.dir))
		w.units = append(w.units, c)
		return u.name + " cloned"
	case n < 82:
		w.replaceGateway(w.copy(w.gateway.dir))
		return "gateway killed"
	case n < 86:
		w.saved = append(w.saved, w.copy(w.gateway.dir))
		return "gateway copied"
	case n < 91 && len(w.saved) > 0:
		w.replaceGateway(w.copy(w.saved[r.IntN(len(w.saved))]))
		return "gateway put back"
	default:
		w.mu.Lock()
		w.gateway.fail = failure(1 + r.IntN(2))
		w.mu.Unlock()
		return "a commit fails"
	}
}

// replace ends an edge at once and starts it on another folder.
func (u *unit) replace(dir string) {
	u.stop()
	u.start(dir)
}

// replaceGateway ends the gateway at once and starts it on another folder. Behind a broker the edges' connections do not notice.
func (w *world) replaceGateway(dir string) {
	old := w.gateway
	w.mu.Lock()
	w.gateway = nil
	w.mu.Unlock()
	if !w.broker {
		for _, u := range w.units {
			for _, l := range u.links {
				l.down(errors.New("gateway gone"), false)
			}
		}
	}
	old.stop()
	w.startGateway(dir)
}

// drain heals everything and waits until the gateway has what the edges keep. They have one name, and so drain one after the other.
func (w *world) drain() {
	w.mu.Lock()
	w.gateway.fail = well
	w.mu.Unlock()
	for i, u := range w.units {
		for j, other := range w.units {
			for _, l := range other.links {
				l.mu.Lock()
				l.closed, l.silent, l.slow = i != j, false, 0
				l.mu.Unlock()
				if i != j {
					l.down(errors.New("the other one's turn"), false)
				}
			}
		}
		u.produce(telemetry.Live, 1) // so that a gateway replaced behind a broker is noticed
		time.Sleep(5 * time.Minute)
		w.check()
		if out := w.lacking(u); len(out) > 0 {
			w.fault("%s keeps %d records that the gateway never got, the first %v", u.name, len(out), out[0])
		}
	}
}
