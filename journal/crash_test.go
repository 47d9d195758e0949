package journal_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fieldpost/journal"
	"fieldpost/journal/front"
	"fieldpost/powercut/cuttest"
)

const childDir = "FIELDPOST_JOURNAL_TEST_DIR"

// TestMain makes this binary the child that TestKill kills, or the disk whose power is cut.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := appendUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	cuttest.Main(m)
}

// appendUntilKilled appends from several goroutines, rotating often, and prints each position once it is durable.
func appendUntilKilled(dir string) error {
	signal.Ignore(syscall.SIGPIPE)
	o := journal.Options{Binding: binding, SegmentSize: 200 << 10}
	if os.Getenv(fronted) != "" {
		f, err := front.Open(dir, binding, front.Options{})
		if err != nil {
			return err
		}
		o.Front, o.Name = f, "j"
	}
	j, damages, err := journal.Open(dir, o)
	if err != nil {
		return err
	}
	if len(damages) > 0 {
		return fmt.Errorf("a kill damaged %v", damages)
	}
	fmt.Println("open", j.Next())
	var wg sync.WaitGroup
	errs := make(chan error, 4)
	for range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				e := []journal.Entry{{Count: 3, Mark: uint64(os.Getpid()), Data: payload(uint64(os.Getpid()), uint64(i), 400), Blobs: []journal.Blob{{Key: 9, Data: []byte("blob")}}}}
				e[0].Data = append(e[0].Data, strconv.Itoa(i)...)
				if err := j.Append(e...); err != nil {
					errs <- err
					return
				}
				// One write call, so that a line is never cut.
				if _, err := os.Stdout.WriteString(fmt.Sprintf("kept %d %08x\n", e[0].Pos, sum(e[0].Data))); err != nil {
					errs <- err
					return
				}
				if i%50 == 49 {
					if err := j.Rotate(); err != nil {
						errs <- err
						return
					}
				}
			}
		})
	}
	wg.Wait()
	return <-errs
}

// TestKill kills a process that appends, at any moment, again and again on the same journal: everything that it said was durable
// is there as it was, nothing is there twice, no damage is seen, and numbering goes on.
func TestKill(t *testing.T) {
	dir := tempDir(t)
	promised := map[uint64]uint32{}
	r := rand.New(rand.NewPCG(9, 9))
	rounds := 15
	if testing.Short() {
		rounds = 3
	}
	for round := range rounds {
		lines := runAndKill(t, dir, 20+r.IntN(400), time.Duration(r.IntN(3000))*time.Microsecond)
		for _, l := range lines {
			var pos uint64
			var s uint32
			if n, _ := fmt.Sscanf(l, "kept %d %x", &pos, &s); n == 2 {
				if _, twice := promised[pos]; twice {
					t.Fatalf("round %d: position %d given twice", round, pos)
				}
				promised[pos] = s
			}
		}
		j, damages := open(t, dir, journal.Options{SegmentSize: 200 << 10})
		if len(damages) != 0 {
			t.Fatalf("round %d: damages %v", round, damages)
		}
		seen := map[uint64]bool{}
		next := uint64(1)
		for _, e := range readFrom(t, j, 0) {
			if e.Pos != next || e.Count != 3 || seen[e.Pos] {
				t.Fatalf("round %d: entry at %d+%d, want %d", round, e.Pos, e.Count, next)
			}
			next += 3
			seen[e.Pos] = true
			if want, ok := promised[e.Pos]; ok && want != sum(e.Data) {
				t.Fatalf("round %d: entry at %d has other data", round, e.Pos)
			}
			if b, err := j.Blob(e.Pos, 9); err != nil || string(b) != "blob" {
				t.Fatalf("round %d: blob at %d: %q, %v", round, e.Pos, b, err)
			}
		}
		for pos := range promised {
			if !seen[pos] {
				t.Fatalf("round %d: position %d was durable and is gone", round, pos)
			}
		}
		if j.Next() != next {
			t.Fatalf("round %d: next %d, want %d", round, j.Next(), next)
		}
		if found, err := j.Verify(t.Context()); err != nil || len(found) != 0 {
			t.Fatalf("round %d: verify: %v, %v", round, found, err)
		}
		mustClose(t, j)
	}
	if len(promised) < rounds*20 {
		t.Errorf("only %d appends", len(promised))
	}
}

// runAndKill runs the child, kills it after it has printed n lines and a little longer, and returns all lines it printed.
func runAndKill(t *testing.T, dir string, n int, longer time.Duration) (lines []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	scan := bufio.NewScanner(out)
	for scan.Scan() {
		lines = append(lines, scan.Text())
		if len(lines) == n {
			time.AfterFunc(longer, func() { _ = cmd.Process.Kill() })
		}
	}
	_ = cmd.Wait()
	if len(lines) < n {
		t.Fatalf("the child ended by itself after %d lines: %s", len(lines), stderr.String())
	}
	return lines
}
