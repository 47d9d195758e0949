package cuttest

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"fieldpost/powercut"
)

// Recording reports whether POWER_CUT_RECORD asks for the traces in testdata to be made again.
func Recording() bool { return os.Getenv("POWER_CUT_RECORD") != "" }

// Moment is a loss of power within a trace.
type Moment[M any] struct {
	Dir    string // what it left; the caller may change it
	Before []M    // the marks that had been set, oldest first
	After  []M    // those that were set later; what the first says may have been looked up before the cut
}

// Replay needs neither FUSE nor root: it plays the trace that an earlier run left at path up to random instants, and has look open what a cut there leaves
// of the folder in the root. What wrote the trace is the code of when it was recorded; what opens it is today's.
func Replay[M any](t *testing.T, path, folder string, look func(t *testing.T, m Moment[M])) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	trace, err := powercut.ReadTrace(f)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(11, 11))
	cuts := map[int]int{} // by how much of the trace was played
	for range Count(t) * 4 {
		cuts[1+r.IntN(len(trace.Ops))]++
	}
	tmp, d := TempDir(t), powercut.NewDisk()
	var marks []M
	for _, op := range trace.Ops {
		if op.IsMark() {
			var m M
			if err := json.Unmarshal(op.Data, &m); err != nil {
				t.Fatal(err)
			}
			marks = append(marks, m)
		}
	}
	set := 0
	for i, op := range trace.Ops {
		if op.IsMark() {
			set++
		}
		if err := d.Play(op); err != nil {
			t.Fatalf("play operation %d: %v", i, err)
		}
		for range cuts[i+1] {
			at, _, err := d.Lookup(powercut.Root, folder)
			if err != nil {
				break // not there yet
			}
			m := Moment[M]{Dir: filepath.Join(tmp, "left"), Before: marks[:set], After: marks[set:]}
			if err := d.Cut(at, r).Write(m.Dir); err != nil {
				t.Fatal(err)
			}
			look(t, m)
			if err := os.RemoveAll(m.Dir); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Mark sets a mark into the record of a mounted disk.
func Mark[M any](t *testing.T, on *powercut.Mounted, m M) {
	t.Helper()
	b, err := json.Marshal(m)
	if err == nil {
		err = on.Mark(b)
	}
	if err != nil {
		t.Fatal(err)
	}
}
