package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fieldpost/api"
	"fieldpost/configs/edgefile"
	"fieldpost/configs/gatewayfile"
	"fieldpost/drivers/catalogue"
	"fieldpost/drivers/emulate"
	"fieldpost/drivers/emulate/recordings"
	"fieldpost/edge"
	"fieldpost/gateway"
)

// reading is one object of /v1/readings.
type reading struct {
	Node, Device, Metric, Unit string
	Time                       time.Time
	Value                      float64
	Seq                        uint64
}

// What the instruments say comes out at the other end, line by line; and all that the demo tells the user to try works.
func TestFlow(t *testing.T) {
	s := start(t, "-listen", "127.0.0.1:0")
	began := time.Now()
	s.await("Ctrl-C stops it")
	t.Logf("first readings of all after %v", time.Since(began))

	station := said(t, func(out io.Writer) instrument { return emulate.NewStation(out, seed) })
	meter := said(t, func(out io.Writer) instrument { return emulate.NewMeter(out, seed) })
	machine := said(t, func(out io.Writer) instrument {
		p, err := emulate.NewPlayer(out, recordings.Machine(), machinePeriod)
		if err != nil {
			t.Fatal(err)
		}
		return p
	})
	for _, c := range []struct {
		node    string
		device  string
		said    string
		metrics []string // name and unit, in the order of line
		line    string
	}{
		{"hill", "station", station, []string{"temperature Cel", "humidity %RH", "pressure hPa"}, "%.2f,%.1f,%.2f\r\n"},
		{"plant", "machine", machine, []string{"temperature "}, "machine_temperature=%v\n"}, // digit by digit
		{"plant", "meter", meter, []string{"voltage V", "current A", "power W", "energy Wh"}, `{"voltage":%.1f,"current":%.3f,"power":%.1f,"energy":%.0f}` + "\n"},
	} {
		got := s.hear(c.node, c.device, c.metrics, c.line)
		if !strings.Contains(c.said, got) {
			t.Errorf("%s: got\n%swhich is no piece of what the instrument said", c.device, got)
		}
	}

	examples := regexp.MustCompile(`curl '([^']+)'`).FindAllStringSubmatch(s.out.String(), -1)
	if len(examples) < 5 {
		t.Errorf("%d examples", len(examples))
	}
	for _, x := range examples {
		least := 100
		if strings.Contains(x[1], "/v1/events") {
			least = 2 // there may be none yet
		}
		if body := s.get(http.DefaultClient, x[1]); len(body) < least {
			t.Errorf("%s gives %q", x[1], body)
		}
	}
	s.checkFiles()

	dir := s.dir()
	log, err := os.ReadFile(filepath.Join(dir, "demo.log"))
	if err != nil || !bytes.Contains(log, []byte("link up")) || bytes.Contains(log, []byte("level=ERROR")) {
		t.Errorf("the log is, with %v:\n%s", err, log)
	}
	http.DefaultClient.CloseIdleConnections()
	s.stop()
	s.released()
	nothingIn(t, os.TempDir())
	if errs := s.errs.String(); errs != "" {
		t.Errorf("complained: %s", errs)
	}
}

// The pump overheats soon after the start and recovers: a raised and a cleared event arrive, each with its cause.
func TestPumpOverheats(t *testing.T) {
	if testing.Short() {
		t.Skip("takes most of a minute")
	}
	s := start(t, "-listen", "127.0.0.1:0")
	s.await("Ctrl-C stops it")
	url := s.url() + "/v1/events?node=plant&device=pump&state="
	for _, state := range []string{"raised", "cleared"} {
		var events []struct {
			Pattern, State, Severity, Message string
			Cause                             []struct{ Metric string }
		}
		limit, tick := time.After(deadline), time.NewTicker(200*time.Millisecond)
		defer tick.Stop()
		for found := false; !found; {
			if err := json.Unmarshal(s.get(http.DefaultClient, url+state), &events); err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				if e.Pattern != "overheat" {
					continue
				}
				found = true
				if e.State != state || e.Severity != "critical" || !strings.HasPrefix(e.Message, "pump at ") || len(e.Cause) == 0 {
					t.Errorf("event %+v", e)
				}
			}
			select {
			case <-tick.C:
			case <-limit:
				t.Fatalf("no event is %s", state)
			}
		}
	}
	http.DefaultClient.CloseIdleConnections()
	s.stop()
}

// hear waits for some lines of a device, through several commits.
func (s *session) hear(node, device string, metrics []string, line string) (got string) {
	s.t.Helper()
	err := await(s.t.Context(), "lines of "+device, func() bool {
		got = lines(s.t, s.readings(device), node, metrics, line)
		return strings.Count(got, "\n") >= 4
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

// checkFiles loads the files that the demo shows, as `check` does, and asks the control sockets, as `status` does.
func (s *session) checkFiles() {
	s.t.Helper()
	edges := regexp.MustCompile(`fieldpost-edge status -config (\S+)`).FindAllStringSubmatch(s.out.String(), -1)
	if len(edges) != len(nodes) {
		s.t.Fatalf("it names %d edges", len(edges))
	}
	for i, file := range edges {
		e, problems := edgefile.Load(file[1], catalogue.Kinds())
		var devices []string
		for _, d := range e.Devices {
			devices = append(devices, d.DeviceSettings.Device)
		}
		if len(problems) > 0 || e.Node != nodes[i].name || !slices.Equal(devices, nodes[i].devices) {
			s.t.Fatalf("%s has devices %v; %s", e.Node, devices, problems)
		}
		s.get(api.Client(filepath.Join(e.Journal.Dir, edge.ControlSocket)), "http://edge"+edge.StatusPath)
	}
	g, problems := gatewayfile.Load(s.found(`fieldpost-gateway status -config (\S+)`))
	if len(problems) > 0 {
		s.t.Fatal(problems)
	}
	s.get(api.Client(gateway.ControlSocket(g.Data)), "http://gateway"+gateway.StatusPath)
}

func (s *session) get(client *http.Client, url string) []byte {
	s.t.Helper()
	answer, err := client.Get(url)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		s.t.Fatalf("GET %s: %s, %v: %s", url, answer.Status, err, body)
	}
	return body
}

func (s *session) readings(device string) (out []reading) {
	s.t.Helper()
	if err := json.Unmarshal(s.get(http.DefaultClient, s.url()+"/v1/readings?device="+device), &out); err != nil {
		s.t.Fatal(err)
	}
	return out
}

// lines puts readings together again, in the order of their sequences, to the lines that the instrument wrote.
func lines(t *testing.T, readings []reading, node string, metrics []string, line string) string {
	t.Helper()
	slices.SortFunc(readings, func(a, b reading) int { return cmp.Compare(a.Seq, b.Seq) })
	var out strings.Builder
	for one := range slices.Chunk(readings, len(metrics)) {
		if len(one) < len(metrics) {
			break // the rest is on its way
		}
		var args []any
		for i, r := range one {
			if got := r.Metric + " " + r.Unit; r.Node != node || got != metrics[i] || r.Time != one[0].Time {
				t.Fatalf("reading %+v, want %s of node %s at %v", r, metrics[i], node, one[0].Time)
			}
			args = append(args, r.Value)
		}
		fmt.Fprintf(&out, line, args...)
	}
	return out.String()
}

// said returns what an instrument says in ten minutes.
func said(t *testing.T, of func(io.Writer) instrument) string {
	t.Helper()
	var b bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		of(&b).Run(ctx)
	})
	return b.String()
}
