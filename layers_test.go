// Package fieldpost holds no code: this test keeps the packages below it in order.
package fieldpost

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// module is this module's path.
const module = "fieldpost"

// layer is a package tree and what it may import of ours, itself included always.
type layer struct {
	path   string   // below the module; the longest that fits a package counts
	may    []string // trees it may import
	reason string   // why it may import nothing else
}

var layers = []layer{
	{"telemetry", nil, "the nouns stand at the start of every import"},
	{"configs/setting", nil, "a leaf, so that all settings structs may use it"},
	{"journal", []string{"telemetry/ranges"}, "frames are opaque to it: it knows no lanes, clocks or nodes"},
	{"drivers", []string{"telemetry", "configs/setting"}, "a driver knows instruments, not what becomes of their readings"},
	{"api", []string{"telemetry", "configs/setting"}, "handlers see a Selector only, so that edge and gateway can share them"},
	{"history", []string{"telemetry", "journal", "api"}, "reads frames back; it is the same on both sides and knows neither"},
	{"mqttguard", nil, "bounds what any end of an MQTT connection reads; knows MQTT's packet headers only"},
	{"forwarder", []string{"telemetry", "configs/setting", "mqttguard", "faultproxy"}, "sends (node, epoch, lane, frame) and does not care where they come from"},
	{"faultproxy", nil, "a tool of the tests"},
	{"edge", []string{"telemetry", "configs/setting", "journal", "drivers", "api", "history", "forwarder"}, "a Pi must not carry the gateway"},
	{"gateway", []string{"telemetry", "configs/setting", "mqttguard", "journal", "api", "history"}, "the gateway must not depend on how a node works inside"},
	{"configs/strict", []string{"configs/setting"}, "reads any form"},
	{"configs/edgefile", []string{"configs", "telemetry", "drivers", "api", "forwarder", "edge"}, "the edge's form must link nothing of the gateway"},
	{"configs/gatewayfile", []string{"configs", "telemetry", "api", "gateway"}, "the gateway's form must link nothing of the edge"},
	{"configs/schema", nil, "text only, so that a program that shows a schema links nothing for it"},
	{"configs/schema/generator", []string{"configs", "telemetry", "drivers", "api", "forwarder", "edge", "gateway"}, "reads all forms' structs; nothing imports it but tests"},
	{"configs", []string{"configs", "telemetry", "drivers", "api", "forwarder", "edge", "gateway"}, "composes settings, runs nothing"},
	{"internal/testca", nil, "a tool of the tests"},
	{"cmd/internal", nil, "shared by the commands; wires nothing"},
	{"cmd/fieldpost-edge", []string{"cmd/internal", "telemetry", "configs/setting", "configs/strict", "configs/schema", "configs/edgefile", "journal", "drivers", "api", "history", "forwarder", "edge"}, "wiring of the edge only"},
	{"cmd/fieldpost-gateway", []string{"cmd/internal", "telemetry", "configs/setting", "configs/strict", "configs/schema", "configs/gatewayfile", "journal", "api", "history", "gateway"}, "wiring of the gateway only"},
	{"cmd", []string{""}, "wires whatever it needs"},
	{"powercut", nil, "a disk for the tests of whatever is kept on one"},
	{"internal/child", nil, "runs the built binaries for what tries them"},
	{"measure", []string{"drivers", "configs/setting", "telemetry", "faultproxy", "internal/child", "internal/testca", "forwarder"}, "it measures the built binaries from outside; of many nodes it makes up all but the forwarder"},
	{"torture", []string{"drivers/emulate", "faultproxy", "internal/child"}, "it tries the built binaries from outside, and believes nothing else"},
	{"model", []string{"telemetry", "api", "forwarder", "edge", "gateway"}, "a test: both sides, with a made-up network between"},
	{"e2e", []string{"drivers/emulate", "faultproxy", "powercut", "telemetry"}, "tests the built binaries from outside"},
}

// forbidden are edges inside a tree that its layer would allow. A path stands for all below it, unless it ends in a full stop.
var forbidden = []struct{ from, to, reason string }{
	{"drivers/serialport", "drivers/line", "the port knows no protocol"},
	{"drivers/line", "drivers/catalogue", "the catalogue imports the kinds, not they it"},
	{"drivers/line", "drivers/emulate", "an instrument's emulation is no part of its driver"},
	{"gateway/store", "gateway/ingest", "ingest stores; the store does not ask where from"},
	{"gateway/store", "gateway/source", "the store knows no connections"},
	{"gateway/source", "gateway/store", "a source hands on what came, it does not look at it"},
	{"gateway/source", "gateway/ingest", "a source declares its receiver; ingest implements it"},
	{"telemetry/ranges", "telemetry.", "a set of numbers knows no telemetry"},
	{"history/blocks", "history.", "what is kept by series does not know who asks, or what of"},
	{"edge/clock", "edge.", "the clock is below what uses it"},
	{"edge/reduce", "edge.", "what is worth sending is decided without clocks, lanes or disks"},
	{"edge/reduce", "edge/lane", "what is worth sending is decided without clocks, lanes or disks"},
	{"edge/reduce", "edge/clock", "what is worth sending is decided without clocks, lanes or disks"},
	{"edge/lane", "edge.", "the lanes are below the pipeline"},
	{"configs/schema.", "configs/schema/generator", "what is made must not link its maker"},
	{"cmd", "configs/schema/generator", "it parses Go; the schemas are committed"},
	{"journal.", "journal/index", "the log does not know what is searched for in it"},
}

// is reports whether pkg is what a path of forbidden stands for.
func is(pkg, path string) bool {
	if exact, ok := strings.CutSuffix(path, "."); ok {
		return pkg == exact
	}
	return below(pkg, path)
}

func below(pkg, tree string) bool {
	return tree == "" || pkg == tree || strings.HasPrefix(pkg, tree+"/")
}

func layerOf(pkg string) *layer {
	var best *layer
	for i := range layers {
		if l := &layers[i]; below(pkg, l.path) && (best == nil || len(l.path) > len(best.path)) {
			best = l
		}
	}
	return best
}

func TestImportsPointOneWay(t *testing.T) {
	for pkg, imports := range packages(t) {
		l := layerOf(pkg)
		if l == nil {
			t.Errorf("%s is in no layer: add it to the list above, with its reason", pkg)
			continue
		}
		for _, to := range imports {
			ok := below(to, l.path)
			for _, tree := range l.may {
				ok = ok || below(to, tree)
			}
			if !ok {
				t.Errorf("%s imports %s, which %s may not: %s", pkg, to, l.path, l.reason)
			}
			for _, f := range forbidden {
				if is(pkg, f.from) && is(to, f.to) {
					t.Errorf("%s imports %s: %s", pkg, to, f.reason)
				}
			}
		}
	}
}

// packages lists our packages with what they import of ours (tests apart), without the module's name.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	found := map[string][]string{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		own, ok := strings.CutPrefix(p.ImportPath, module+"/")
		if !ok {
			continue
		}
		found[own] = nil
		for _, i := range p.Imports {
			if i, ok := strings.CutPrefix(i, module+"/"); ok {
				found[own] = append(found[own], i)
			}
		}
	}
	if len(found) < 10 {
		t.Fatalf("go list found %d packages only", len(found))
	}
	return found
}
