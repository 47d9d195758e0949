package dense

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/wire"
)

// docs/frames.md is enough for a decoder in another language: the one beside it, in Python, reads what is coded here, of all recordings and of records of any kind.
func TestDecoderFromTheDocs(t *testing.T) {
	if testing.Short() {
		t.Skip("Python is slow")
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here")
	}
	for _, effort := range []Effort{Light, Full} {
		sources := map[string][]frame.Record{}
		for _, r := range all(t) {
			sources[r.Name] = recordsOf(t, r)[:300]
		}
		rnd := rand.New(rand.NewPCG(9, uint64(effort)))
		var clock telemetry.Time
		for range 300 {
			sources["any"] = append(sources["any"], anyRecord(rnd, &clock))
		}
		for name, recs := range sources {
			t.Run(fmt.Sprintf("%s/%d", name, effort), func(t *testing.T) {
				t.Parallel()
				hello := &wire.Hello{Bases: []uint64{}, Epochs: []wire.Epoch{{Epoch: known.Epoch}}, Boots: []wire.Boot{{Boot: known.Boot, Clock: known.Clock, Offset: known.Offset}}}
				in := hex.EncodeToString(wire.Append(nil, hello)) + "\n"
				var want strings.Builder
				k := known
				k.Lane, k.Table = telemetry.Live, 0 // as the hello has it
				e := NewEncoder(effort)
				var c Chain
				for at := 0; at < len(recs); at += 50 {
					b, then, _, err := e.Encode(nil, headerOf(known, uint64(at+1)), recs[at:at+50], k, c, c.Last(func(uint64) bool { return true }))
					if err != nil {
						t.Fatal(err)
					}
					c = then
					in += hex.EncodeToString(wire.Append(nil, &wire.Frame{Data: b})) + "\n"
					for i, r := range recs[at : at+50] {
						value := fmt.Sprint(int64(r.Value.Bits()))
						switch r.Value.Kind() {
						case telemetry.KindFloat:
							value = fmt.Sprintf("%016x", r.Value.Bits())
						case telemetry.KindText:
							value = hex.EncodeToString([]byte(r.Value.Text()))
						}
						fmt.Fprintln(&want, at+1+i, int64(r.Time), r.Series, int(r.Value.Kind()), value, int(r.Quality), truth(r.Stamped))
					}
				}
				cmd := exec.CommandContext(t.Context(), python, "../../../docs/frames/decode.py", known.Node)
				cmd.Stdin = strings.NewReader(in)
				var errs bytes.Buffer
				cmd.Stderr = &errs
				got, err := cmd.Output()
				if err != nil {
					t.Fatalf("%v\n%s", err, &errs)
				}
				if string(got) != want.String() {
					g, w := strings.Split(string(got), "\n"), strings.Split(want.String(), "\n")
					for i := range min(len(g), len(w)) {
						if g[i] != w[i] {
							t.Fatalf("line %d: %s\nwant %s", i+1, g[i], w[i])
						}
					}
					t.Fatalf("%d lines, want %d", len(g), len(w))
				}
			})
		}
	}
}
