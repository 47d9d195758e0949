package e2e

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestGatewayReplaced gives the edge a gateway with an empty disk: it must not pour its readings into a stranger's store, and must give
// them all again once an operator has admitted it.
func TestGatewayReplaced(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.up()
	e, tcp := tcpSite(t, s, fmt.Sprintf("tcp://127.0.0.1:%d", s.mqtt))
	say(t, tcp, 1, 300)
	await(t, "300 readings", 30*time.Second, func() bool { return len(s.readings("pi-1")) >= 300 })
	s.gateway.stop(t)
	if err := os.RemoveAll(s.data); err != nil {
		t.Fatal(err)
	}
	s.up()
	var id string
	await(t, "the edge to name the stranger", time.Minute, func() bool {
		st, ok := e.status()
		if !ok || len(st.Links) == 0 {
			return false
		}
		m := regexp.MustCompile(`accept_stores.*now ([0-9a-f]{32})`).FindStringSubmatch(st.Links[0].Err)
		if m != nil {
			id = m[1]
		}
		return m != nil && st.Links[0].State == "stopped"
	})
	if n := len(s.readings("pi-1")); n != 0 {
		t.Fatalf("%d readings went to the stranger", n)
	}
	e.process.stop(t)
	config, err := os.ReadFile(e.config)
	if err != nil {
		t.Fatal(err)
	}
	write(t, e.config, strings.Replace(string(config), "{name: up, ", "{name: up, accept_stores: ["+id+"], ", 1))
	e.again(tcp)
	say(t, tcp, 301, 400)
	await(t, "400 readings", time.Minute, func() bool { return len(s.readings("pi-1")) >= 400 })
	onceInOrder(t, s.readings("pi-1"), 1, 400)
}
