package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"fieldpost/drivers/emulate"
	"fieldpost/powercut/cuttest"
)

// smallDisk mounts a disk of so many MiB of memory on dir.
func smallDisk(t *testing.T, dir string, mib int) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting a small disk needs root")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=0700", mib)); err != nil {
		t.Skipf("mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
}

// hog fills the disk of dir up but for so many KiB; the returned function gives the room back.
func hog(t *testing.T, dir string, leave int64) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "hog")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err == nil {
		err = f.Truncate(max(0, info.Size()-leave<<10))
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(f.Close(), os.Remove(path)); err != nil {
			t.Error(err)
		}
	}
}

// health returns what /healthz of an edge answers.
func health(t *testing.T, port int) (status int, body map[string]any) {
	t.Helper()
	resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/healthz", port))
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

// TestEdgeDiskFullOfOtherThings: sampling goes on into memory, the edge says so, and nothing of it is lost once there is room.
func TestEdgeDiskFullOfOtherThings(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	card := filepath.Join(t.TempDir(), "card")
	smallDisk(t, card, 8)
	e, tcp := tcpSiteOn(t, s, filepath.Join(card, "journal"))
	say(t, tcp, 1, 100)
	e.taken(100)
	await(t, "a commit", 30*time.Second, func() bool { st, ok := e.status(); return ok && st.memory() == 0 })
	free := hog(t, card, 0)
	n := 100
	full := func() bool { status, _ := health(t, e.http); return status == http.StatusServiceUnavailable }
	for ; !full(); n += 5000 {
		if n > 500_000 {
			t.Fatalf("%d readings went to a full disk, and /healthz is well", n)
		}
		noise(t, tcp, n+1, n+5000)
		e.read(uint64(n + 5000))
	}
	free()
	await(t, "the edge to have written it", 2*time.Minute, func() bool {
		st, ok := e.status()
		status, _ := health(t, e.http)
		return ok && st.memory() == 0 && status == http.StatusOK
	})
	s.up()
	await(t, "all acknowledged", time.Minute, func() bool { st, ok := e.status(); return ok && st.waiting() == 0 })
	got := s.readings("pi-1")
	if len(got) != n {
		t.Fatalf("%d readings, want %d", len(got), n)
	}
	for i, r := range got[100:] {
		if want := noiseOf(101 + i); string(r.Value) != want {
			t.Fatalf("reading %d is %s, want %s", 101+i, r.Value, want)
		}
	}
}

// TestEdgeDiskIsReadOnly, as a card becomes that is at its end: the edge says what is wrong, and goes on where it was when it can.
func TestEdgeDiskIsReadOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.up()
	card := filepath.Join(t.TempDir(), "card")
	smallDisk(t, card, 8)
	e, tcp := tcpSiteOn(t, s, filepath.Join(card, "journal"))
	say(t, tcp, 1, 100)
	await(t, "100 readings", time.Minute, func() bool { return len(s.readings("pi-1")) >= 100 })
	if err := e.process.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-e.process.exited
	if err := syscall.Mount("", card, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	// It cannot start there, and says why.
	code, _, errs := command(t, "fieldpost-edge", "run", "-config", e.config)
	if code != 1 {
		t.Errorf("status %d", code)
	}
	says(t, errs, `read-only file system`)
	if err := syscall.Mount("", card, "", syscall.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	e.again(tcp)
	say(t, tcp, 101, 200)
	await(t, "200 readings", time.Minute, func() bool { return len(s.readings("pi-1")) >= 200 })
	onceInOrder(t, s.readings("pi-1"), 1, 200)
}

// TestEdgeDiskVanishes, as a stick does that is pulled out: the edge goes on reading, its memory stays bounded, and /healthz and status say what is wrong.
func TestEdgeDiskVanishes(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.up()
	m := cuttest.Mount(t)
	e, tcp := tcpSiteOn(t, s, filepath.Join(m.Dir, "journal"))
	say(t, tcp, 1, 100)
	await(t, "100 readings", time.Minute, func() bool { return len(s.readings("pi-1")) >= 100 })
	if err := m.Vanish(); err != nil {
		t.Fatal(err)
	}
	const more = 400_000 // three times what memory may hold
	for n := 100; n < more; n += 10_000 {
		say(t, tcp, n+1, n+10_000)
	}
	await(t, "all to be read", time.Minute, func() bool { return e.metric("fieldpost_device_readings_total") >= more })
	await(t, "the edge to say so", time.Minute, func() bool {
		status, body := health(t, e.http)
		return status == http.StatusServiceUnavailable && strings.Contains(fmt.Sprint(body), "journal")
	})
	if n := e.metric("fieldpost_lane_dropped_readings_total"); n < more-100-131_072 {
		t.Errorf("%v readings count as dropped", n)
	}
	if rss := e.metric("process_resident_memory_bytes"); rss == 0 || rss > 150e6 {
		t.Errorf("%.0f bytes of memory", rss)
	}
	code, _, errs := command(t, "fieldpost-edge", "status", "-config", e.config)
	if code != 1 {
		t.Errorf("status ended with %d", code)
	}
	says(t, errs, "endpoint is not connected")
	if len(s.readings("pi-1")) != 100 {
		t.Error("what is on no disk was sent")
	}
}

// metric sums a metric of an edge over its labels.
func (e *edgeWithHTTP) metric(name string) (sum float64) {
	e.t.Helper()
	resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", e.http))
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	for s := bufio.NewScanner(resp.Body); s.Scan(); {
		rest, ok := strings.CutPrefix(s.Text(), name)
		if !ok || !strings.HasPrefix(rest, "{") && !strings.HasPrefix(rest, " ") {
			continue
		}
		v, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
		if err != nil {
			e.t.Fatalf("metric %q: %v", s.Text(), err)
		}
		sum += v
	}
	return sum
}

// TestGatewayDiskFull: it acknowledges nothing that it could not write, says so, and goes on by itself.
func TestGatewayDiskFull(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	smallDisk(t, s.data, 48)
	s.up()
	e, tcp := tcpSite(t, s, fmt.Sprintf("tcp://127.0.0.1:%d", s.mqtt))
	say(t, tcp, 1, 100)
	await(t, "100 readings", time.Minute, func() bool { return len(s.readings("pi-1")) >= 100 })
	free := hog(t, s.data, 0)
	say(t, tcp, 101, 500)
	e.read(500)
	await(t, "the gateway to say so", time.Minute, func() bool {
		resp, err := http.Get(s.url("/readyz", nil))
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusServiceUnavailable
	})
	if st, ok := e.status(); !ok || st.waiting()+st.memory() < 400 {
		t.Errorf("of 400 readings only %d wait while the gateway has no room", st.waiting()+st.memory())
	}
	free()
	await(t, "500 readings", 2*time.Minute, func() bool { return len(s.readings("pi-1")) >= 500 })
	onceInOrder(t, s.readings("pi-1"), 1, 500)
	await(t, "all acknowledged", time.Minute, func() bool { st, ok := e.status(); return ok && st.waiting() == 0 })
}

// tcpSiteOn is tcpSite with the journal in a folder of the test's choice, and local HTTP.
func tcpSiteOn(t *testing.T, s *site, journal string) (*edgeWithHTTP, *emulate.TCP) {
	t.Helper()
	tcp := instrument(t)
	e := &edgeWithHTTP{newEdge(t, s.dir, "pi-1", fmt.Sprintf("tcp://127.0.0.1:%d", s.mqtt), "tcp: "+tcp.Address()), port(t)}
	edit(t, e.config, "dir: "+e.journal, "dir: "+journal)
	edit(t, e.config, "http: {}", fmt.Sprintf("http: {listen: \"127.0.0.1:%d\"}", e.http))
	e.journal = journal
	e.up()
	connected(t, tcp)
	return e, tcp
}

type edgeWithHTTP struct {
	*edge
	http int
}

// read waits until this run of the edge has read count readings.
func (e *edge) read(count uint64) {
	e.t.Helper()
	await(e.t, fmt.Sprintf("%d readings", count), 30*time.Second, func() bool {
		st, ok := e.status()
		return ok && len(st.Devices) == 1 && st.Devices[0].Readings >= count
	})
}

// noise is say with numbers that no coding makes small.
func noise(t *testing.T, to io.Writer, first, last int) {
	t.Helper()
	var lines bytes.Buffer
	for n := first; n <= last; n++ {
		fmt.Fprintf(&lines, "n=%s\r\n", noiseOf(n))
	}
	if _, err := to.Write(lines.Bytes()); err != nil {
		t.Fatal(err)
	}
}

func noiseOf(n int) string {
	const odd = 0x9E3779B97F4A7C15 // 2^64 divided by the golden ratio: neighbours land far apart
	return strconv.FormatUint(uint64(n)*odd>>1, 10)
}
