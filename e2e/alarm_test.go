package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"fieldpost/drivers/emulate"
	"fieldpost/faultproxy"
)

// floodSite is a gateway and, behind a proxy, an edge that raises flood when it reads -7.
func floodSite(t *testing.T) (*site, *faultproxy.Proxy, *edge, *emulate.TCP) {
	t.Helper()
	s := newSite(t, "")
	s.up()
	proxy := s.proxy()
	e, tcp := tcpSite(t, s, "tcp://"+proxy.Addr())
	e.process.stop(t)
	edit(t, filepath.Join(filepath.Dir(e.config), "devices", "d0.yaml"), "silent: off", "silent: off\npatterns:\n  - {name: flood, when: n == -7, severity: critical}")
	e.again(tcp)
	return s, proxy, e, tcp
}

// TestAlarmOvertakesTheBacklog: an event raised during an outage reaches the gateway while most of 200,000 readings taken before it still wait.
func TestAlarmOvertakesTheBacklog(t *testing.T) {
	t.Parallel()
	const (
		backlog = 200_000
		rate    = 100_000 // bytes a second: the backlog, made of noise, takes many seconds
	)
	s, proxy, e, tcp := floodSite(t)
	await(t, "a link", 30*time.Second, func() bool { return s.node("pi-1").Online })

	proxy.Refuse(true)
	proxy.Cut()
	random := rand.New(rand.NewPCG(3, 4))
	var lines bytes.Buffer
	for n := range backlog {
		fmt.Fprintf(&lines, "n=%d\n", random.Int64())
		if lines.Len() > 32<<10 || n == backlog-1 {
			if _, err := tcp.Write(lines.Bytes()); err != nil {
				t.Fatal(err)
			}
			lines.Reset()
		}
	}
	e.taken(backlog)
	if _, err := tcp.Write([]byte("n=-7\n")); err != nil {
		t.Fatal(err)
	}
	e.taken(backlog + 1)
	proxy.Throttle(faultproxy.Up, rate)
	proxy.Refuse(false)

	live := func() (stored uint64) {
		for _, l := range s.node("pi-1").Lanes {
			if l.Lane == "live" {
				stored += l.Stored
			}
		}
		return stored
	}
	await(t, "the event", 2*time.Minute, func() bool {
		var events []struct{ Device, Pattern, State string }
		get(t, s.url("/v1/events", url.Values{"device": {"d0"}}), &events)
		return len(events) == 1 && events[0].Pattern == "flood" && events[0].State == "raised"
	})
	if stored := live(); stored > backlog/2 {
		t.Errorf("%d readings of the backlog came before the event", stored)
	}
	proxy.Throttle(faultproxy.Up, 0)
	await(t, "the backlog", time.Minute, func() bool { return live() == backlog+1 && s.node("pi-1").missing() == 0 })
}

// TestAlarmPastADeadPath: a path that dies silently costs an event seconds, not the minute and more after which a connection counts as dead.
func TestAlarmPastADeadPath(t *testing.T) {
	t.Parallel()
	s, proxy, e, tcp := floodSite(t)
	fmt.Fprintf(tcp, "n=1\n")
	await(t, "a reading", 30*time.Second, func() bool { return len(s.readings("pi-1")) == 1 })

	proxy.Freeze()
	fmt.Fprintf(tcp, "n=2\nn=-7\n")
	begin := time.Now()
	await(t, "the event", 20*time.Second, func() bool {
		var events []struct{ Device, Pattern, State string }
		get(t, s.url("/v1/events", url.Values{"device": {"d0"}}), &events)
		return len(events) == 1 && events[0].Pattern == "flood" && events[0].State == "raised"
	})
	t.Logf("the event took %v", time.Since(begin))
	if st, ok := e.status(); !ok || st.Links[0].State != "up" || st.Links[0].Second != "up" || st.Links[0].Connects != 2 {
		t.Errorf("status %+v", st.Links)
	}
	if !s.node("pi-1").Online {
		t.Error("the node counts as offline")
	}
	await(t, "the readings, once the first connection was given up", 2*time.Minute, func() bool { return len(s.readings("pi-1")) == 3 })
	if n := s.node("pi-1").missing(); n != 0 {
		t.Errorf("%d records are missing", n)
	}
}
