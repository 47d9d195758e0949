package e2e

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fieldpost/faultproxy"
)

// says checks that text has a match for each pattern.
func says(t *testing.T, text string, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile(`(?m)` + p).MatchString(text) {
			t.Errorf("nothing like %q in\n%s", p, text)
		}
	}
}

func TestStatusText(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.up()
	tcp := instrument(t)
	absent := fmt.Sprintf("tcp: 127.0.0.1:%d", port(t))
	e := newEdge(t, s.dir, "pi-1", fmt.Sprintf("tcp://127.0.0.1:%d", s.mqtt), "tcp: "+tcp.Address(), absent)
	e.up()
	connected(t, tcp)
	say(t, tcp, 1, 100)
	if _, err := tcp.Write([]byte("this is no reading\r\n")); err != nil {
		t.Fatal(err)
	}
	await(t, "everything acknowledged", patience, func() bool {
		st, ok := e.status()
		return ok && st.waiting() == 0 && len(s.readings("pi-1")) == 100 && st.Devices[0].Errors == 1 && st.Devices[1].Err+st.Devices[0].Err != ""
	})
	code, out, errs := command(t, "fieldpost-edge", "status", "-config", e.config)
	if code != 0 || errs != "" {
		t.Errorf("status %d, %q", code, errs)
	}
	says(t, out,
		`^node +pi-1 +fieldpost-edge \S+, running for \S+`,
		`^clock +\d{4}-\d\d-\d\dT\S+Z +\w+ \(.+\), boot 1`,
		`^journal +[\d.]+ [KM]iB of 2\.0 GiB`,
		`^ +`+regexp.QuoteMeta(e.journal)+` +epoch [0-9a-f]{16}`,
		`^d0 +line +\S+ +100 +1 +\S+ ago`,
		`^  n +100 +good +\S+ ago`,
		`^d0: last error \S+ ago: .*this is no reading`,
		`^d1 +line +\S+ +0 +0 +never`,
		`^bus .*went down .+ ago, tries since: \d+`,
		`connection refused`,
		`^live +100 +100 +0 +- +0 +0 +[\d.]+ [KM]iB`,
		`^LINK +STATE +SINCE +LAST ACK .*IN +OUT +CONNECTS`,
		`^up +up +\S+ ago +\S+ ago .*[\d.]+ (B|KiB) +[\d.]+ (B|KiB) +1$`,
		`^  tcp://127.0.0.1:\d+ +round trip \S+$`, `^  bytes a record +[\d.]+: payload [\d.]+, MQTT [\d.]+, TLS 0.00, connecting [\d.]+$`)

	code, out, errs = command(t, "fieldpost-gateway", "status", "-config", s.config)
	if code != 0 || errs != "" {
		t.Errorf("status %d, %q", code, errs)
	}
	says(t, out,
		`^fieldpost-gateway \S+, running for \S+`,
		`^store +`+regexp.QuoteMeta(s.data)+` +100 records +[\d.]+ MiB`,
		`^received +\d+ frames +100 records stored +0 repeats left out +0 failed commits`,
		`^broker +mqtt_broker +127.0.0.1:\d+ +true +1 +\d+`,
		`^pi-1 +true +\S+ ago +100 +0 +0 +0`)
}

func TestNothingRuns(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	e := newEdge(t, s.dir, "pi-1", fmt.Sprintf("tcp://127.0.0.1:%d", s.mqtt), "tcp: 127.0.0.1:9")
	for _, args := range [][]string{
		{"fieldpost-edge", "status", "-config", e.config},
		{"fieldpost-edge", "status", "-json", "-config", e.config},
		{"fieldpost-gateway", "status", "-config", s.config},
		{"fieldpost-gateway", "abandon", "-node", "pi-1", "-config", s.config},
	} {
		code, out, errs := command(t, args[0], args[1:]...)
		if code != 1 || out != "" {
			t.Errorf("%v: status %d, output %q", args, code, out)
		}
		says(t, errs, args[0]+`: ask the \w+: no running process answers on .*control\.sock \(.*\); start it, or ask with the config that it runs by`)
	}
	for _, dir := range []string{s.data, e.journal} {
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("asking made %s", dir)
		}
	}
}

// TestAbandon is a card that dies while the gateway knows of records that it has not got.
func TestAbandon(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.up()
	proxy := s.proxy()
	e, tcp := tcpSite(t, s, "tcp://"+proxy.Addr())
	say(t, tcp, 1, 50)
	await(t, "50 readings", patience, func() bool { return len(s.readings("pi-1")) >= 50 })
	// Without a link a backlog grows. Then the link is so slow that the hello gets through, and its frames do not.
	proxy.Refuse(true)
	proxy.Cut()
	say(t, tcp, 51, 3050)
	e.taken(3050)
	proxy.Throttle(faultproxy.Up, 400)
	proxy.Refuse(false)
	await(t, "the gateway to know what it lacks", time.Minute, func() bool { return s.node("pi-1").missing() > 0 })
	e.process.kill()
	proxy.Cut()
	if err := os.RemoveAll(e.journal); err != nil {
		t.Fatal(err)
	}
	stored := uint64(len(s.readings("pi-1")))
	missing := s.node("pi-1").missing()
	if stored+missing != 3050 {
		t.Errorf("%d stored and %d missing of 3050", stored, missing)
	}
	await(t, "the node to be offline", patience, func() bool { return !s.node("pi-1").Online })

	code, _, errs := command(t, "fieldpost-gateway", "abandon", "-config", s.config, "-node", "pi-2")
	if code != 1 || !strings.Contains(errs, "node pi-2") || !strings.Contains(errs, "not known") {
		t.Errorf("abandon of a node never seen: status %d, %q", code, errs)
	}
	code, out, errs := command(t, "fieldpost-gateway", "abandon", "-config", s.config, "-node", "pi-1")
	if code != 0 || !strings.Contains(out, fmt.Sprintf("pi-1: %d missing records", missing)) {
		t.Errorf("abandon: status %d, %q, %q", code, out, errs)
	}
	lost := func() (sum uint64) {
		for _, l := range s.node("pi-1").Lanes {
			for _, x := range l.Lost {
				if x.Reason != "abandoned" {
					t.Errorf("lost %+v", x)
				}
				sum += x.To - x.From + 1
			}
		}
		return sum
	}
	if n := s.node("pi-1"); n.missing() != 0 || lost() != missing {
		t.Errorf("%d missing and %d lost, want 0 and %d: %+v", n.missing(), lost(), missing, n)
	}
	_, out, _ = command(t, "fieldpost-gateway", "status", "-config", s.config)
	says(t, out, fmt.Sprintf(`^pi-1 +false +\S+ ago +%d +0 +0 +%d`, stored, missing))

	// It stays so over a restart, and a new card under the old name is as good as any.
	s.gateway.stop(t)
	s.up()
	if n := s.node("pi-1"); n.missing() != 0 || lost() != missing {
		t.Errorf("after a restart: %d missing and %d lost, want 0 and %d", n.missing(), lost(), missing)
	}
	proxy.Throttle(faultproxy.Up, 0)
	e.again(tcp)
	say(t, tcp, 3051, 3100)
	await(t, "readings of the new card", time.Minute, func() bool { return uint64(len(s.readings("pi-1"))) >= stored+50 })
	got := numbers(t, s.readings("pi-1"))
	if !slices.Equal(got, append(sequence(1, int(stored)), sequence(3051, 3100)...)) {
		t.Errorf("readings: %v", got)
	}
	if n := s.node("pi-1"); n.missing() != 0 || lost() != missing {
		t.Errorf("with the new card: %d missing and %d lost, want 0 and %d", n.missing(), lost(), missing)
	}
}

func TestGatewayWithoutAnyFile(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/etc/fieldpost/gateway.yaml"); err == nil {
		t.Skip("this machine has a gateway.yaml")
	}
	p := start(t, "fieldpost-gateway", "run")
	usual := "fieldpost-gateway: no /etc/fieldpost/gateway.yaml: MQTT on 127.0.0.1:1883, HTTP on http://127.0.0.1:8080, data in ./fieldpost-data"
	await(t, "it to say what it does", patience, func() bool { return strings.Contains(p.log.String(), usual) })
	if _, out, _ := command(t, "fieldpost-gateway", "check"); !strings.Contains(out, "built-in defaults") {
		t.Errorf("check says %q", out)
	}
	answers := false
	await(t, "it to run or to end", patience, func() bool {
		select {
		case <-p.exited:
			return true
		default:
		}
		socket, err := net.Dial("unix", filepath.Join(p.cmd.Dir, "fieldpost-data", "control.sock"))
		if err == nil {
			socket.Close()
			answers = strings.Contains(p.log.String(), "address=127.0.0.1:1883") && strings.Contains(p.log.String(), "address=127.0.0.1:8080")
		}
		return answers
	})
	if !answers { // something else on this machine has the usual ports
		says(t, p.log.String(), `address already in use`)
		return
	}
	if code := p.stop(t); code != 0 {
		t.Errorf("it stopped with status %d", code)
	}
}

func TestPortsTaken(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	for _, what := range []string{"mqtt_broker", "http"} {
		s := newSite(t, "")
		edit(t, s.config, map[string]string{
			"mqtt_broker": fmt.Sprintf("127.0.0.1:%d", s.mqtt), "http": fmt.Sprintf("127.0.0.1:%d", s.http),
		}[what], address)
		code, _, errs := command(t, "fieldpost-gateway", "run", "-config", s.config)
		if code != 1 {
			t.Errorf("%s: status %d", what, code)
		}
		lines := strings.Split(strings.TrimSpace(errs), "\n")
		says(t, lines[len(lines)-1], `^fieldpost-gateway: (source broker|serve http): listen tcp `+regexp.QuoteMeta(address)+`.*address already in use; .*listen`)
	}

	s := newSite(t, "")
	s.up()
	tcp := instrument(t)
	e := newEdge(t, s.dir, "pi-1", fmt.Sprintf("tcp://127.0.0.1:%d", s.mqtt), "tcp: "+tcp.Address())
	edit(t, e.config, "http: {}", fmt.Sprintf("http: {listen: %q}", address))
	e.up()
	connected(t, tcp)
	say(t, tcp, 1, 50)
	await(t, "50 readings", patience, func() bool { return len(s.readings("pi-1")) >= 50 })
	onceInOrder(t, s.readings("pi-1"), 1, 50)
	says(t, e.process.log.String(), `level=ERROR msg="cannot serve HTTP" .*address already in use`)
}

// event is one object of /v1/events.
type event struct {
	Node, Device, Pattern, State, Severity, Message string
	Time                                            time.Time
	Lane, Epoch                                     string
	Seq                                             uint64
}

func TestSilentDevice(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.up()
	tcp := instrument(t)
	e := newEdge(t, s.dir, "pi-1", fmt.Sprintf("tcp://127.0.0.1:%d", s.mqtt), "tcp: "+tcp.Address())
	local := port(t)
	edit(t, e.config, "http: {}", fmt.Sprintf("http: {listen: \"127.0.0.1:%d\"}", local))
	edit(t, filepath.Join(filepath.Dir(e.config), "devices", "d0.yaml"), "silent: off", "silent: 1s")
	e.up()
	connected(t, tcp)
	say(t, tcp, 1, 10)

	at := map[string]string{"the gateway": s.url("/v1/events", nil), "the edge": fmt.Sprintf("http://127.0.0.1:%d/v1/events", local)}
	events := func(where string) (out []event) {
		t.Helper()
		get(t, at[where], &out)
		return out
	}
	for where := range at {
		await(t, "the event raised at "+where, patience, func() bool { return len(events(where)) == 1 })
	}
	say(t, tcp, 11, 11)
	for where := range at {
		await(t, "the event cleared at "+where, patience, func() bool { return len(events(where)) >= 2 })
		got := events(where)[:2]
		for i, state := range []string{"raised", "cleared"} {
			x := got[i]
			if x.Node != "pi-1" || x.Device != "d0" || x.Pattern != "silent" || x.State != state || x.Severity != "warning" || x.Lane != "alarm" || x.Message == "" {
				t.Errorf("%s: event %d: %+v", where, i, x)
			}
		}
		if got[1].Seq != got[0].Seq+1 || got[1].Time.Before(got[0].Time) {
			t.Errorf("%s: events out of order: %+v", where, got)
		}
		var raised []event
		get(t, strings.TrimSuffix(at[where], "?")+"?state=raised&device=d0&limit=1", &raised)
		if len(raised) != 1 || raised[0] != got[0] {
			t.Errorf("%s: raised events: %+v", where, raised)
		}
	}
	says(t, e.process.log.String(), `msg="device is silent" .*device=d0`, `msg="device is heard again" .*device=d0`)
}

// fetch returns an answer's body and its link to the next page, "" if there is none.
func fetch(t *testing.T, url string) (body, next string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %v: %s", url, resp.Status, err, b)
	}
	if m := regexp.MustCompile(`^<(.*)>; rel="next"$`).FindStringSubmatch(resp.Header.Get("Link")); m != nil {
		to, err := resp.Request.URL.Parse(m[1])
		if err != nil {
			t.Fatal(err)
		}
		next = to.String()
	}
	return string(b), next
}

func TestQueriesOverRealData(t *testing.T) {
	t.Parallel()
	const count = 500
	s := newSite(t, "")
	s.up()
	_, tcp := tcpSite(t, s, fmt.Sprintf("tcp://127.0.0.1:%d", s.mqtt))
	for n := 1; n <= count; n += 50 { // some frames
		say(t, tcp, n, n+49)
		await(t, "readings", patience, func() bool { return len(s.readings("pi-1")) >= n+49 })
	}
	all := s.readings("pi-1")
	onceInOrder(t, all, 1, count)
	query := func(path string, pairs ...string) string {
		q := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			q.Set(pairs[i], pairs[i+1])
		}
		return s.url(path, q)
	}

	t.Run("series", func(t *testing.T) {
		var series []struct {
			Node, Device, Metric, Unit, Type string
			First, Last                      struct {
				Time  time.Time
				Value int
			}
		}
		get(t, query("/v1/series", "node", "pi-1"), &series)
		if len(series) != 1 || series[0].Device != "d0" || series[0].Metric != "n" || series[0].Type != "integer" {
			t.Fatalf("series: %+v", series)
		}
		x := series[0]
		if x.First.Value != 1 || x.Last.Value != count || !x.First.Time.Equal(all[0].Time) || !x.Last.Time.Equal(all[count-1].Time) {
			t.Errorf("first and last: %+v", x)
		}
	})
	t.Run("step", func(t *testing.T) {
		var buckets []struct {
			Time     time.Time
			Min, Max int
			Mean     float64
			Count    int
		}
		get(t, query("/v1/readings", "metric", "n", "step", "100ms"), &buckets)
		next := 1
		for _, b := range buckets {
			if b.Min != next || b.Max != b.Min+b.Count-1 || b.Mean != float64(b.Min+b.Max)/2 || b.Time.UnixMilli()%100 != 0 {
				t.Fatalf("bucket %+v, want it to begin with %d", b, next)
			}
			if first := all[b.Min-1].Time; first.Before(b.Time) || first.Sub(b.Time) >= 100*time.Millisecond {
				t.Fatalf("bucket %+v holds a reading of %v", b, first)
			}
			next += b.Count
		}
		if next != count+1 {
			t.Errorf("the buckets hold %d readings", next-1)
		}
	})
	t.Run("csv", func(t *testing.T) {
		body, _ := fetch(t, query("/v1/readings", "metric", "n", "format", "csv"))
		rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
		if err != nil || len(rows) != count+1 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		if got := strings.Join(rows[0], ","); got != "time,node,device,metric,value,unit,quality" {
			t.Errorf("header %s", got)
		}
		for i, r := range rows[1:] {
			if at, err := time.Parse(time.RFC3339Nano, r[0]); err != nil || !at.Equal(all[i].Time) || r[4] != fmt.Sprint(i+1) || r[1] != "pi-1" || r[6] != "good" {
				t.Fatalf("row %d: %v", i, r)
			}
		}
	})
	t.Run("ndjson", func(t *testing.T) {
		body, _ := fetch(t, query("/v1/readings", "metric", "n", "format", "ndjson", "order", "desc"))
		n := count
		for line := range strings.Lines(body) {
			var r reading
			if err := json.Unmarshal([]byte(line), &r); err != nil || r.number(t) != n {
				t.Fatalf("line %q, want %d: %v", line, n, err)
			}
			n--
		}
		if n != 0 {
			t.Errorf("it ends at %d", n+1)
		}
	})
	t.Run("pages", func(t *testing.T) {
		var got []reading
		pages := 0
		for next := query("/v1/readings", "metric", "n", "limit", "77"); next != ""; pages++ {
			var page []reading
			body, more := fetch(t, next)
			if err := json.Unmarshal([]byte(body), &page); err != nil {
				t.Fatal(err)
			}
			got, next = append(got, page...), more
		}
		onceInOrder(t, got, 1, count)
		if pages != 7 {
			t.Errorf("%d pages of 77", pages)
		}
	})
	t.Run("part", func(t *testing.T) {
		var got []reading
		get(t, query("/v1/readings", "metric", "n", "from", all[100].Time.Format(time.RFC3339Nano), "to", all[400].Time.Format(time.RFC3339Nano)), &got)
		want := slices.DeleteFunc(slices.Clone(all), func(r reading) bool { return r.Time.Before(all[100].Time) || !r.Time.Before(all[400].Time) })
		if len(want) == 0 || !slices.Equal(numbers(t, got), numbers(t, want)) {
			t.Errorf("readings %v, want %v", numbers(t, got), numbers(t, want))
		}
	})
	t.Run("feed", func(t *testing.T) {
		type record struct {
			Position uint64
			Kind     string
			reading
		}
		var got []reading
		var last uint64
		next := query("/v1/feed", "limit", "64")
		for {
			var page []record
			var body string
			body, next = fetch(t, next)
			if err := json.Unmarshal([]byte(body), &page); err != nil {
				t.Fatal(err)
			}
			if next == "" {
				t.Fatal("a page of the feed without a next one")
			}
			if len(page) == 0 {
				break
			}
			for _, r := range page {
				if r.Position <= last {
					t.Fatalf("position %d after %d", r.Position, last)
				}
				if last = r.Position; r.Kind == "reading" && r.Metric == "n" {
					got = append(got, r.reading)
				}
			}
		}
		onceInOrder(t, got, 1, count)
		// Who has come to the end is told of what comes next, at once.
		answer := make(chan string, 1)
		go func() {
			body, _ := fetch(t, next+"&wait=20s")
			answer <- body
		}()
		say(t, tcp, count+1, count+1)
		select {
		case body := <-answer:
			says(t, body, fmt.Sprintf(`"value":%d,`, count+1))
		case <-time.After(patience / 2):
			t.Error("the feed slept on")
		}
	})
	t.Run("mistakes", func(t *testing.T) {
		for query, param := range map[string]string{
			"/v1/readings?from=yesterday": "from", "/v1/readings?limit=-1": "limit", "/v1/readings?step=0": "step", "/v1/readings?format=xml": "format",
			"/v1/readings?node=Pi_1": "node", "/v1/readings?nod=pi-1": "nod", "/v1/feed?after=x": "after", "/v1/events?state=up": "state",
		} {
			resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d%s", s.http, query))
			if err != nil {
				t.Fatal(err)
			}
			var e struct{ Error string }
			err = json.NewDecoder(resp.Body).Decode(&e)
			resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusBadRequest || !strings.Contains(e.Error, param) {
				t.Errorf("%s: %s, %q, %v", query, resp.Status, e.Error, err)
			}
		}
	})
}

func TestStandAloneEdgeKeepsItsHistory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tcp := instrument(t)
	e := newEdge(t, dir, "pi-1", "tcp://127.0.0.1:1", "tcp: "+tcp.Address())
	local := port(t)
	edit(t, e.config, "links:\n  - {name: up, mqtt: {url: \"tcp://127.0.0.1:1\"}}\nhttp: {}", fmt.Sprintf("http: {listen: \"127.0.0.1:%d\"}", local))
	alone := &site{t: t, http: local} // the edge answers as a gateway does
	e.up()
	connected(t, tcp)
	say(t, tcp, 1, 300)
	await(t, "300 readings on the edge's own HTTP", patience, func() bool { return len(alone.readings("pi-1")) >= 300 })
	e.process.stop(t)
	e.again(tcp)
	say(t, tcp, 301, 400)
	await(t, "400 readings on the edge's own HTTP", patience, func() bool { return len(alone.readings("pi-1")) >= 400 })
	onceInOrder(t, alone.readings("pi-1"), 1, 400)
	n := alone.node("pi-1")
	var stored uint64
	for _, l := range n.Lanes {
		stored += l.Stored
		if len(l.Lost) > 0 {
			t.Errorf("lane %+v", l)
		}
	}
	if stored != 400 {
		t.Errorf("%d records in /v1/nodes, want 400: %+v", stored, n)
	}
	if _, out, _ := command(t, "fieldpost-edge", "status", "-config", e.config); !strings.Contains(out, "no links: a stand-alone logger") {
		t.Errorf("status says\n%s", out)
	}
}

func TestJournalFolderThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	// The superuser may write anywhere, so the edge runs as nobody, out of folders that nobody may enter.
	dir, err := os.MkdirTemp("", "fieldpost-readonly-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, d := range []string{dir, filepath.Join(dir, "journal")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	binary := filepath.Join(dir, "fieldpost-edge")
	b, err := os.ReadFile(filepath.Join(binaries, "fieldpost-edge"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, b, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ dir, says string }{
		{filepath.Join(dir, "journal"), "permission denied"},
		{filepath.Join(dir, "new"), "choose another journal.dir or give the service user the right to it"},
	} {
		config := filepath.Join(dir, "edge.yaml")
		if err := os.WriteFile(config, fmt.Appendf(nil, "node: pi-1\njournal: {dir: %s}\nhttp: {}\n", c.dir), 0o644); err != nil {
			t.Fatal(err)
		}
		if c.dir == filepath.Join(dir, "journal") {
			if err := os.Chmod(c.dir, 0o555); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(binary, "run", "-config", config)
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if os.Geteuid() == 0 {
			cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
		} else if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		out, err := cmd.CombinedOutput()
		if os.Geteuid() != 0 {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 1 {
			t.Errorf("%s: %v, want status 1", c.dir, err)
		}
		says(t, string(out), `^fieldpost-edge: .*`+regexp.QuoteMeta(c.dir), regexp.QuoteMeta(c.says))
	}
}

func TestJournalOfAnotherNode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tcp := instrument(t)
	e := newEdge(t, dir, "pi-1", "tcp://127.0.0.1:1", "tcp: "+tcp.Address())
	e.up()
	e.ready()
	e.process.stop(t)
	edit(t, e.config, "node: pi-1", "node: pi-2")
	code, _, errs := command(t, "fieldpost-edge", "run", "-config", e.config)
	if code != 1 {
		t.Errorf("status %d", code)
	}
	says(t, errs, `^fieldpost-edge: .*`+regexp.QuoteMeta(e.journal)+`.*pi-1.*this node is "pi-2": set .node. back, or give it a journal\.dir of its own`)
	edit(t, e.config, "node: pi-2", "node: pi-1")
	e.up()
	e.ready()
}
