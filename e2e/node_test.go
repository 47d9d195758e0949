package e2e

import (
	"fmt"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"fieldpost/drivers/emulate"
)

// TestNodeReportsOnItself: what a node says of its own health is at the gateway like any other device.
func TestNodeReportsOnItself(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.up()
	e := newEdge(t, s.dir, "pi-1", fmt.Sprintf("tcp://127.0.0.1:%d", s.mqtt))
	edit(t, e.config, "health: off", "health: 1s")
	e.up()
	for metric, unit := range map[string]string{"uptime": "s", "disk_free": "B", "journal_size": "B", "written": "B", "link_up_sent": "B", "clock": ""} {
		var rs []reading
		await(t, metric+" of the node itself", 30*time.Second, func() bool {
			get(t, s.url("/v1/readings", url.Values{"device": {"node"}, "metric": {metric}}), &rs)
			return len(rs) > 0
		})
		if r := rs[0]; r.Node != "pi-1" || r.Unit != unit || r.Lane != "bulk" || r.Quality != "good" {
			t.Errorf("%s: %+v", metric, r)
		}
	}
}

// TestDeadbandThinsTheLink: the gateway gets what is new, and is told that the rest is held in the node's archive.
func TestDeadbandThinsTheLink(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.up()
	tcp, err := emulate.ListenTCP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	e := newEdge(t, s.dir, "pi-1", fmt.Sprintf("tcp://127.0.0.1:%d", s.mqtt), "tcp: "+tcp.Address())
	edit(t, e.config, "links:", "archive: {max_size: 16MiB}\nlinks:")
	edit(t, filepath.Join(filepath.Dir(e.config), "devices", "d0.yaml"), "type: integer", "type: integer, deadband: 9, max_silence: off")
	e.up()
	connected(t, tcp)
	say(t, tcp, 1, 100)
	// 1, then each that is more than 9 above the last one reported, with the reading before it; 100 waits for its successor.
	want := []int{1}
	for n := 11; n <= 100; n += 10 {
		want = append(want, n-1, n)
	}
	await(t, "the readings that are new", 30*time.Second, func() bool { return len(s.readings("pi-1")) >= len(want) })
	if got := numbers(t, s.readings("pi-1")); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("at the gateway: %v\nwant %v", got, want)
	}
	if code := e.process.stop(t); code != 0 {
		t.Fatalf("the edge stopped with status %d", code)
	}
	e.again(tcp)
	await(t, "the gateway to be told what is held", 30*time.Second, func() bool {
		held := uint64(0)
		for _, l := range s.node("pi-1").Lanes {
			for _, r := range l.Held {
				held += r[1] - r[0] + 1
			}
		}
		return held == uint64(100-len(want))
	})
	if n := s.node("pi-1").missing(); n != 0 {
		t.Errorf("%d missing", n)
	}
}
