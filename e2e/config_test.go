package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// command runs a binary to its end and returns its exit status, output and errors.
func command(t *testing.T, name string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e strings.Builder
	c := exec.Command(filepath.Join(binaries, name), args...)
	c.Stdout, c.Stderr = &o, &e
	c.Dir = t.TempDir()
	if err := c.Run(); c.ProcessState == nil {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), o.String(), e.String()
}

func TestFiveMistakesGiveFiveMessages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	journal := filepath.Join(dir, "journal")
	config := write(t, filepath.Join(dir, "edge.yaml"), fmt.Sprintf(`node: Pi_7
lables: {site: north}
journal:
  dir: %s
  commit_every: 1 second
links:
  - {name: lte, mqtt: {url: "http://example"}}
http: {listen: "0.0.0.0:8081"}
`, journal))
	for _, verb := range []string{"check", "run"} {
		code, _, errs := command(t, "fieldpost-edge", verb, "-config", config)
		if code != 1 {
			t.Errorf("%s: status %d, want 1", verb, code)
		}
		var lines []string
		for l := range strings.Lines(errs) {
			if !strings.Contains(l, ": warning: ") {
				lines = append(lines, strings.TrimSpace(l))
			}
		}
		want := []string{":1:7: ", ":2:1: ", ":5:17: ", ":7:29: ", ":8:"}
		if len(lines) != len(want) {
			t.Fatalf("%s: %d messages, want %d:\n%s", verb, len(lines), len(want), errs)
		}
		for i, w := range want {
			if !strings.HasPrefix(lines[i], config+w) {
				t.Errorf("%s: message %d is %q, want it at %s", verb, i, lines[i], w)
			}
		}
		if !strings.Contains(errs, `did you mean "labels"`) {
			t.Errorf("%s: no suggestion for lables in\n%s", verb, errs)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("something was created: %v, %v", entries, err)
	}
}

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"fieldpost-edge"}, 2, "fieldpost-edge run"},
		{[]string{"fieldpost-edge", "walk"}, 2, `unknown command "walk"`},
		{[]string{"fieldpost-edge", "run", "-no"}, 2, "not defined"},
		{[]string{"fieldpost-edge", "check", "-config", "/nowhere/edge.yaml"}, 1, "/nowhere/edge.yaml"},
		{[]string{"fieldpost-edge", "decode"}, 2, "-device"},
		{[]string{"fieldpost-gateway"}, 2, "fieldpost-gateway run"},
		{[]string{"fieldpost-gateway", "abandon", "-node", "No"}, 2, "-node"},
		{[]string{"fieldpost-gateway", "check", "-config", "/nowhere/gateway.yaml"}, 1, "/nowhere/gateway.yaml"},
	} {
		code, _, errs := command(t, c.args[0], c.args[1:]...)
		if code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("%v: status %d, want %d; it said %q", c.args, code, c.code, errs)
		}
	}
}

func TestSecondRunNamesTheFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.up()
	e := newEdge(t, s.dir, "pi-1", fmt.Sprintf("tcp://127.0.0.1:%d", s.mqtt))
	e.up()
	e.ready()
	for _, c := range []struct {
		first *process
		args  []string
	}{
		{e.process, []string{"fieldpost-edge", "run", "-config", e.config}},
		{s.gateway, []string{"fieldpost-gateway", "run", "-config", s.config}},
	} {
		code, _, errs := command(t, c.args[0], c.args[1:]...)
		if code != 1 || !strings.Contains(errs, fmt.Sprint(c.first.cmd.Process.Pid)) {
			t.Errorf("%v: status %d, said %q; want the first one's process id %d", c.args, code, errs, c.first.cmd.Process.Pid)
		}
	}
}

func TestDecodeWhateverTheChunks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	device := write(t, filepath.Join(dir, "d.yaml"), `device: station
line:
  port: /dev/null
  format: csv
metrics:
  - {name: temperature, field: 1, unit: Cel, scale: 0.1, valid: [-40, 60]}
  - {name: humidity, field: 2, unit: "%RH"}
`)
	in := write(t, filepath.Join(dir, "in"), "215,40\r\n216,41\r\nnonsense\r\n999,42\r\n")
	want := `{"device":"station","metric":"temperature","value":21.5,"unit":"Cel","quality":"good"}
{"device":"station","metric":"humidity","value":40,"unit":"%RH","quality":"good"}
{"device":"station","metric":"temperature","value":21.6,"unit":"Cel","quality":"good"}
{"device":"station","metric":"humidity","value":41,"unit":"%RH","quality":"good"}
{"device":"station","metric":"temperature","value":99.9,"unit":"Cel","quality":"bad"}
{"device":"station","metric":"humidity","value":42,"unit":"%RH","quality":"good"}
`
	for _, chunk := range []string{"1", "3", "4096"} {
		code, out, errs := command(t, "fieldpost-edge", "decode", "-device", device, "-in", in, "-chunk", chunk)
		if code != 0 || out != want || !regexp.MustCompile(`nonsense`).MatchString(errs) {
			t.Errorf("chunk %s: status %d\n%s\n%s", chunk, code, out, errs)
		}
	}
}
