package ingest

import (
	"testing"
	"testing/synctest"
)

func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget()
		taken := make(chan string, 16)
		take := func(node string, n int) {
			go func() {
				if b.take(node, n) {
					taken <- node
				} else {
					taken <- node + " stopped"
				}
			}()
			synctest.Wait()
		}
		wantTaken := func(want string) {
			t.Helper()
			synctest.Wait()
			got := ""
			select {
			case got = <-taken:
			default:
			}
			if got != want {
				t.Fatalf("taken by %q, want %q", got, want)
			}
		}

		take("pi", 2*nodeBytes) // one frame always, whatever its size
		wantTaken("pi")
		take("pi", 1)
		wantTaken("") // its node has more than it may in flight
		take("pi-2", nodeBytes)
		wantTaken("pi-2") // another node is not held up
		b.give("pi", 2*nodeBytes)
		wantTaken("pi")

		b.give("pi", 1)
		b.give("pi-2", nodeBytes)
		if n := b.inFlight(); n != 0 || len(b.nodes) != 0 {
			t.Fatalf("%d bytes of %d nodes in flight, want none", n, len(b.nodes))
		}
		take("big", totalBytes)
		wantTaken("big")
		take("pi", 1)
		wantTaken("") // all together have more than they may
		b.stop()
		wantTaken("pi stopped")
		take("pi", 1)
		wantTaken("pi stopped")
	})
}
