package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"fieldpost/faultproxy"
)

// found is an entry of a segment in the raw file, older copies of its pages included.
type found struct {
	position       uint64
	offset, length int // of its data
}

func entriesOf(raw []byte) (at []found) {
	const head = 48
	magic := []byte{0xF1, 0xE1, 0xD9, 0x05, 1, 1} // cell, format 1, an entry
	for from := 0; ; {
		i := bytes.Index(raw[from:], magic)
		if i < 0 || from+i+head > len(raw) {
			return at
		}
		from += i
		length := int(binary.BigEndian.Uint32(raw[from+20:]))
		if from+head+length <= len(raw) {
			at = append(at, found{binary.BigEndian.Uint64(raw[from+8:]), from + head, length})
		}
		from += len(magic)
	}
}

// TestDamagedJournalOfAnEdge: whatever happens to the files, the edge starts and goes on, what can be read arrives, and what cannot is told: as lost, for damage,
// and by an event.
func TestDamagedJournalOfAnEdge(t *testing.T) {
	change := func(f func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, f(raw), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		damage      func(t *testing.T, segment string)
		least, most int // of the 300 readings, how many are saved
	}{
		"bits flipped in two frames": {change(func(raw []byte) []byte {
			at := entriesOf(raw)
			for _, e := range at {
				if e.position == at[0].position || e.position == at[len(at)/2].position {
					raw[e.offset+e.length/2] ^= 0x10
				}
			}
			return raw
		}), 1, 299},
		"a page of the tree overwritten": {change(func(raw []byte) []byte {
			random := rand.New(rand.NewPCG(1, 2))
			for i := range 200 {
				raw[i] = byte(random.Int()) // the first meta page
				raw[len(raw)/4096/2*4096+i] = byte(random.Int())
			}
			return raw
		}), 1, 300},
		"truncated": {change(func(raw []byte) []byte {
			at := entriesOf(raw)
			middle := at[len(at)/2]
			return raw[:middle.offset+middle.length/2]
		}), 1, 299},
		"zeroed from the middle on": {change(func(raw []byte) []byte {
			at := entriesOf(raw)
			clear(raw[at[len(at)/2].offset:])
			return raw
		}), 1, 299},
		"empty": {change(func([]byte) []byte { return nil }), 0, 0},
		"gone": {func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}, 0, 0},
		"a folder in its place": {func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, 0, 0},
		"not readable": {func(t *testing.T, path string) {
			if err := os.Chmod(path, 0); err != nil {
				t.Fatal(err)
			}
		}, 300, 300},
		"state file overwritten": {func(t *testing.T, path string) {
			state := filepath.Join(filepath.Dir(filepath.Dir(path)), "state.db")
			if err := os.WriteFile(state, bytes.Repeat([]byte("damage"), 10_000), 0o600); err != nil {
				t.Fatal(err)
			}
		}, 300, 300},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "")
			s.up()
			proxy, err := faultproxy.Listen(fmt.Sprintf("127.0.0.1:%d", s.mqtt))
			if err != nil {
				t.Fatal(err)
			}
			defer proxy.Close()
			proxy.Refuse(true)
			e, tcp := tcpSite(t, s, "tcp://"+proxy.Addr())
			const before, after = 300, 400
			for n := 0; n < before; n += 25 {
				say(t, tcp, n+1, n+25)
				e.taken(uint64(n + 25))
				await(t, "a commit", 30*time.Second, func() bool { st, ok := e.status(); return ok && st.memory() == 0 })
			}
			if code := e.process.stop(t); code != 0 {
				t.Fatalf("the edge stopped with status %d", code)
			}
			segments, err := filepath.Glob(filepath.Join(e.journal, "live", "*.seg"))
			if err != nil || len(segments) != 1 {
				t.Fatalf("segments %v, %v", segments, err)
			}
			c.damage(t, segments[0])

			e.again(tcp)
			say(t, tcp, before+1, after)
			e.read(after - before)
			proxy.Refuse(false)
			await(t, "what was read after the damage", time.Minute, func() bool {
				return slices.Contains(numbers(t, s.readings("pi-1")), after)
			})
			await(t, "nothing missing", time.Minute, func() bool {
				st, ok := e.status()
				return ok && st.waiting() == 0 && s.node("pi-1").missing() == 0
			})
			got := numbers(t, s.readings("pi-1"))
			if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
				t.Errorf("doubled or out of order: %v", got)
			}
			for n := before + 1; n <= after; n++ {
				if !slices.Contains(got, n) {
					t.Errorf("%d was read after the damage and did not arrive", n)
				}
			}
			saved := len(got) - (after - before)
			if saved < c.least || saved > c.most {
				t.Errorf("%d of %d were saved, want %d to %d", saved, before, c.least, c.most)
			}
			lost := s.node("pi-1").lost(t, "live", "damaged")
			if saved+int(lost) != before {
				t.Errorf("%d saved and %d told as lost of %d", saved, lost, before)
			}
			if c.least == before {
				return
			}
			await(t, "the event", 30*time.Second, func() bool {
				var events []struct{ Device, Pattern, State string }
				get(t, s.url("/v1/events", url.Values{"device": {"node"}}), &events)
				return len(events) > 0 && events[0].Pattern == "journal_damaged" && events[0].State == "raised"
			})
		})
	}
}

// lost counts what is lost of a lane. It must all be for one reason.
func (n nodeInfo) lost(t *testing.T, lane, reason string) (sum uint64) {
	t.Helper()
	for _, l := range n.Lanes {
		for _, r := range l.Lost {
			if l.Lane == lane {
				sum += r.To - r.From + 1
			}
			if l.Lane == lane && r.Reason != reason {
				t.Errorf("%d to %d lost for reason %q, want %q", r.From, r.To, r.Reason, reason)
			}
		}
	}
	return sum
}
