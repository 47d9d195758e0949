package wire_test

import (
	"testing"

	"fieldpost/telemetry/wire"
)

func TestTopics(t *testing.T) {
	for _, c := range []struct {
		topic string
		want  wire.Topic
	}{
		{wire.Up("fp", "pi-7"), wire.Topic{Node: "pi-7", Direction: wire.ToGateway}},
		{wire.Down("fp", "pi-7"), wire.Topic{Node: "pi-7", Direction: wire.ToNode}},
		{wire.State("fp", "pi-7", "lte"), wire.Topic{Node: "pi-7", Direction: wire.OfLink, Link: "lte"}},
	} {
		got, err := wire.ParseTopic("fp", c.topic)
		if err != nil || got != c.want {
			t.Errorf("%s: got %+v, %v", c.topic, got, err)
		}
	}
	if got, err := wire.ParseTopic("a/b", wire.Up("a/b", "x")); err != nil || got.Node != "x" {
		t.Errorf("prefix with a slash: got %+v, %v", got, err)
	}
	for _, bad := range []string{
		"", "fp", "fp/", "fp/x", "fp/x/", "fp/x/y/up", "fp/x/up/", "fq/x/up", "fp/../up", "fp/+/up", "fp/#", "fp//up", "fp/X/up",
		"fp/x/state", "fp/x/state/", "fp/x/state/a/b", "fp/x/state/+", "fp/-x/up", "fp/x\x00/up",
	} {
		if got, err := wire.ParseTopic("fp", bad); err == nil {
			t.Errorf("%q is taken for %+v", bad, got)
		}
	}
}

func TestLinkState(t *testing.T) {
	s := wire.LinkState{Online: true, Version: "0.1.0", Epoch: 0xabc, Nonce: 0xffffffffffffffff, Link: "lte"}
	const want = `{"status":"online","version":"0.1.0","epoch":"0000000000000abc","nonce":"ffffffffffffffff","link":"lte"}`
	if got := string(s.Marshal()); got != want {
		t.Errorf("got %s", got)
	}
	for _, s := range []wire.LinkState{s, {Nonce: 1, Link: "x"}} {
		if back, err := wire.ParseLinkState(s.Marshal()); err != nil || back != s {
			t.Errorf("read back %+v, %v; want %+v", back, err, s)
		}
	}
	for _, bad := range []string{"", "null", "[]", "{}", `{"status":"perhaps"}`, `{"status":"online","nonce":"x"}`, `{"status":"online","epoch":"1"}`} {
		if got, err := wire.ParseLinkState([]byte(bad)); err == nil {
			t.Errorf("%q is taken for %+v", bad, got)
		}
	}
}

func TestNames(t *testing.T) {
	for r := wire.Unexplained; r <= wire.Expired; r++ {
		if got, err := wire.ParseReason(r.String()); err != nil || got != r {
			t.Errorf("%s: got %v, %v", r, got, err)
		}
	}
	if got := wire.Reason(77).String(); got != "reason(77)" {
		t.Errorf("got %s", got)
	}
	if _, err := wire.ParseReason("reason(77)"); err == nil {
		t.Error("an unknown reason was read")
	}
	if got, err := wire.ParseStoreID(store.String()); err != nil || got != store {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"", "00", store.String() + "00", store.String()[1:], "zz" + store.String()[2:]} {
		if _, err := wire.ParseStoreID(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
