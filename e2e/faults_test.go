package e2e

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"fieldpost/drivers/emulate"
	"fieldpost/faultproxy"
)

// proxy is a link to the gateway that a test can cut, stall and throttle.
func (s *site) proxy() *faultproxy.Proxy {
	s.t.Helper()
	p, err := faultproxy.Listen(fmt.Sprintf("127.0.0.1:%d", s.mqtt))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { p.Close() })
	return p
}

func TestGatewayAwayAndBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.up()
	_, tcp := tcpSite(t, s, fmt.Sprintf("tcp://127.0.0.1:%d", s.mqtt))
	say(t, tcp, 1, 300)
	await(t, "300 readings", 30*time.Second, func() bool { return len(s.readings("pi-1")) >= 300 })
	s.gateway.stop(t)
	for n := 301; n <= 600; n += 20 { // through some commits
		say(t, tcp, n, n+19)
		<-time.After(60 * time.Millisecond)
	}
	s.up()
	await(t, "600 readings", 2*time.Minute, func() bool { return len(s.readings("pi-1")) >= 600 })
	onceInOrder(t, s.readings("pi-1"), 1, 600)
	await(t, "nothing missing", 30*time.Second, func() bool { return s.node("pi-1").missing() == 0 })
}

func TestConnectionCutAgainAndAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.up()
	proxy := s.proxy()
	_, tcp := tcpSite(t, s, "tcp://"+proxy.Addr())
	for n := 1; n <= 1000; n += 50 {
		say(t, tcp, n, n+49)
		if n%200 == 1 {
			await(t, "a connection", 2*time.Minute, func() bool { return s.node("pi-1").Online })
			proxy.Cut()
		}
	}
	await(t, "1000 readings", 3*time.Minute, func() bool { return len(s.readings("pi-1")) >= 1000 })
	onceInOrder(t, s.readings("pi-1"), 1, 1000)
	await(t, "nothing missing", 30*time.Second, func() bool { return s.node("pi-1").missing() == 0 })
}

func TestSilentHalfOpenConnection(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.up()
	proxy := s.proxy()
	_, tcp := tcpSite(t, s, "tcp://"+proxy.Addr())
	say(t, tcp, 1, 100)
	await(t, "100 readings", 30*time.Second, func() bool { return len(s.readings("pi-1")) >= 100 })
	before := proxy.Accepted()
	proxy.StallAll(true) // nothing passes, nobody is told
	say(t, tcp, 101, 300)
	// Nothing ends the old connection but the edge itself, which has to find out that nobody answers: after 30 s it says hello again,
	// and 30 s later it gives the connection up.
	await(t, "the edge to give the dead connection up", 3*time.Minute, func() bool { return proxy.Accepted() > before })
	if n := len(s.readings("pi-1")); n != 100 {
		t.Fatalf("%d readings passed a stalled link", n)
	}
	proxy.StallAll(false)
	await(t, "300 readings", 3*time.Minute, func() bool { return len(s.readings("pi-1")) >= 300 })
	onceInOrder(t, s.readings("pi-1"), 1, 300)
	await(t, "nothing missing", 30*time.Second, func() bool { return s.node("pi-1").missing() == 0 })
}

func TestAcksSwallowed(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.up()
	proxy := s.proxy()
	e, tcp := tcpSite(t, s, "tcp://"+proxy.Addr())
	say(t, tcp, 1, 100)
	await(t, "100 readings", 30*time.Second, func() bool { return len(s.readings("pi-1")) >= 100 })
	// The frames arrive and are stored, but no ack comes back: the edge must send them again, and the gateway must not store them twice.
	proxy.Stall(faultproxy.Down, true)
	say(t, tcp, 101, 200)
	await(t, "200 readings", 30*time.Second, func() bool { return len(s.readings("pi-1")) >= 200 })
	proxy.Cut()
	proxy.Stall(faultproxy.Down, false)
	await(t, "everything acknowledged", 2*time.Minute, func() bool {
		st, ok := e.status()
		return ok && st.waiting() == 0
	})
	onceInOrder(t, s.readings("pi-1"), 1, 200)
}

func (s edgeStatus) waiting() (n uint64) {
	for _, l := range s.Journal.Lanes {
		n += l.Waiting
	}
	return n
}

// TestKilledAnyTime kills -9 edge and gateway again and again. What the edge had committed must arrive once each; what it had in memory
// only (100 ms here) may be gone.
func TestKilledAnyTime(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.up()
	e, tcp := tcpSite(t, s, fmt.Sprintf("tcp://127.0.0.1:%d", s.mqtt))
	random := rand.New(rand.NewPCG(1, 2))
	n, began := 0, 0 // said so far, and when this run of the edge began
	committed := map[int]bool{}
	for range 12 {
		for range 10 {
			say(t, tcp, n+1, n+7)
			n += 7
			<-time.After(time.Duration(random.IntN(40)) * time.Millisecond)
		}
		choice := random.IntN(3)
		if choice == 2 {
			s.gateway.kill()
			s.up()
			continue
		}
		if choice == 0 { // kill it when all that was said has been read and committed: none of it may be gone
			await(t, "a commit of all that was said", 30*time.Second, func() bool {
				st, ok := e.status()
				return ok && len(st.Devices) == 1 && st.Devices[0].Readings == uint64(n-began) && st.memory() == 0
			})
			for k := began + 1; k <= n; k++ {
				committed[k] = true
			}
		}
		e.process.kill()
		e.again(tcp)
		began = n
	}
	if len(committed) == 0 {
		t.Fatal("the schedule never killed the edge after a commit")
	}
	say(t, tcp, n+1, n+1)
	n++
	await(t, "everything acknowledged", 3*time.Minute, func() bool {
		st, ok := e.status()
		return ok && st.memory() == 0 && st.waiting() == 0 && slices.Contains(numbers(t, s.readings("pi-1")), n)
	})
	await(t, "nothing missing", time.Minute, func() bool { return s.node("pi-1").missing() == 0 })
	got := numbers(t, s.readings("pi-1"))
	if !slices.IsSorted(got) {
		t.Errorf("out of order: %v", got)
	}
	if len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Errorf("doubled: %v", got)
	}
	for k := range committed {
		if !slices.Contains(got, k) {
			t.Errorf("%d was committed and did not arrive", k)
		}
	}
	t.Logf("%d of %d said arrived; the rest was in memory when the edge was killed", len(got), n)
}

func (s edgeStatus) memory() (n uint64) {
	for _, l := range s.Journal.Lanes {
		n += l.Memory
	}
	return n
}

func TestGatewayPutBackToAnOlderCopy(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.up()
	e, tcp := tcpSite(t, s, fmt.Sprintf("tcp://127.0.0.1:%d", s.mqtt))
	say(t, tcp, 1, 200)
	await(t, "200 readings", 30*time.Second, func() bool { return len(s.readings("pi-1")) >= 200 })
	s.gateway.stop(t)
	backup := filepath.Join(s.dir, "backup")
	copyDir(t, backup, s.data)
	s.up()
	say(t, tcp, 201, 500)
	await(t, "500 readings", time.Minute, func() bool { return len(s.readings("pi-1")) >= 500 })
	await(t, "all acknowledged", time.Minute, func() bool { st, ok := e.status(); return ok && st.waiting() == 0 })
	s.gateway.stop(t)
	copyDir(t, s.data, backup)
	s.up()
	// The edge had been told that 201…500 are safe. They are not any more.
	await(t, "500 readings again", 2*time.Minute, func() bool { return len(s.readings("pi-1")) >= 500 })
	onceInOrder(t, s.readings("pi-1"), 1, 500)
	await(t, "nothing missing", 30*time.Second, func() bool { return s.node("pi-1").missing() == 0 })
}

func TestEdgePutBackToAnOlderCopyAndRunOn(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.up()
	e, tcp := tcpSite(t, s, fmt.Sprintf("tcp://127.0.0.1:%d", s.mqtt))
	say(t, tcp, 1, 200)
	await(t, "200 readings", 30*time.Second, func() bool { return len(s.readings("pi-1")) >= 200 })
	e.process.stop(t)
	backup := filepath.Join(s.dir, "card")
	copyDir(t, backup, e.journal)
	e.again(tcp)
	say(t, tcp, 201, 400)
	await(t, "400 readings", time.Minute, func() bool { return len(s.readings("pi-1")) >= 400 })
	e.process.stop(t)
	copyDir(t, e.journal, backup)
	e.again(tcp)
	// The card knows of 200 only and gives the numbers of 201…400 out again, for other readings.
	say(t, tcp, 401, 700)
	await(t, "700 readings", 2*time.Minute, func() bool { return len(s.readings("pi-1")) >= 700 })
	onceInOrder(t, s.readings("pi-1"), 1, 700)
	await(t, "nothing missing", 30*time.Second, func() bool { return s.node("pi-1").missing() == 0 })
}

func TestUnplugAndReplug(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.up()
	link := filepath.Join(s.dir, "usb-station")
	pty, err := emulate.NewPty(link)
	if err != nil {
		t.Fatal(err)
	}
	defer pty.Close()
	e := newEdge(t, s.dir, "pi-1", fmt.Sprintf("tcp://127.0.0.1:%d", s.mqtt), "port: "+link)
	e.up()
	e.ready()
	say(t, pty, 1, 50)
	await(t, "50 readings", 30*time.Second, func() bool { return len(s.readings("pi-1")) >= 50 })
	if err := pty.Unplug(); err != nil {
		t.Fatal(err)
	}
	before := cpu(t, e.process)
	<-time.After(3 * time.Second)
	if used := cpu(t, e.process) - before; used > 500*time.Millisecond {
		t.Errorf("the edge used %v of processor time in 3 s without the cable", used)
	}
	if err := pty.Plug(); err != nil {
		t.Fatal(err)
	}
	// Garbage, an over-long line, and then readings.
	if _, err := pty.Write([]byte("\x00\xff\xfe garbage \x80\r\nn=\r\nn=abc\r\n" + string(make([]byte, 3000)) + "\r\n")); err != nil {
		t.Fatal(err)
	}
	n := 51
	await(t, "readings after the replug", time.Minute, func() bool {
		say(t, pty, n, n)
		n++
		rs := s.readings("pi-1")
		return len(rs) > 60
	})
	got := numbers(t, s.readings("pi-1"))
	if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) || !slices.Equal(got[:50], sequence(1, 50)) {
		t.Errorf("readings: %v", got)
	}
}

func sequence(from, to int) []int {
	var out []int
	for n := from; n <= to; n++ {
		out = append(out, n)
	}
	return out
}
