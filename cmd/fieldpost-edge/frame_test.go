package main

import (
	"bytes"
	"encoding/hex"
	"flag"
	"math"
	"os"
	"strings"
	"testing"

	"fieldpost/cmd/internal/command"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/frame/dense"
	"fieldpost/telemetry/wire"
)

var update = flag.Bool("update", false, "write the vectors anew; changed ones are a changed format")

const (
	vectors = "../../docs/frames/vectors.hex"
	printed = "../../docs/frames/vectors.txt"
)

// messages is what a node might send: two chains, one of each effort, of a meter's readings, with one value of each kind and what is rare.
func messages(t *testing.T) [][]byte {
	table := &frame.Table{Labels: map[string]string{"site": "north"}, Devices: []frame.Device{{Name: "meter", Metrics: []frame.Metric{
		{Name: "power", Unit: "W"}, {Name: "voltage", Unit: "V"}, {Name: "energy", Unit: "Wh", Kind: telemetry.KindInt},
		{Name: "running", Kind: telemetry.KindBool}, {Name: "state", Kind: telemetry.KindText},
	}}}}
	encoded, err := table.Encode()
	if err != nil {
		t.Fatal(err)
	}
	boot := wire.Boot{Boot: telemetry.Boot{Ordinal: 3, ID: 0xb007b007b007b007}, Clock: telemetry.ClockSync, Offset: 1_790_000_000_123_456_789}
	hello := &wire.Hello{Nonce: 1, Link: "lte", Software: "fieldpost-edge", Codings: 3, Bases: []uint64{}, Boots: []wire.Boot{boot}, Epochs: []wire.Epoch{{Epoch: 0x5eed5eed5eed5eed}}}
	out := [][]byte{wire.Append(nil, hello), wire.Append(nil, &wire.Table{Data: encoded})}
	known := dense.Known{Node: "pump-7", Epoch: 0x5eed5eed5eed5eed, Lane: telemetry.Live, Boot: boot.Boot, Clock: boot.Clock, Offset: boot.Offset, Table: frame.Hash(encoded)}
	at := telemetry.Time(1_790_000_100_000_000_000)
	seq := uint64(1)
	for _, effort := range []dense.Effort{dense.Full, dense.Light} {
		e := dense.NewEncoder(effort)
		var c dense.Chain
		for f := range 3 {
			var recs []frame.Record
			for i := range 6 {
				n := float64(6*f + i)
				at += 10_000_000_000
				recs = append(recs,
					frame.Record{Series: 0, Time: at, Value: telemetry.Float(math.Round(1200+90*math.Sin(n/3)) / 10)},
					frame.Record{Series: 1, Time: at, Value: telemetry.Float(230.5)},
					frame.Record{Series: 2, Time: at, Value: telemetry.Int(int64(50_000 + 33*n))})
			}
			recs = append(recs,
				frame.Record{Series: 3, Time: at + 1, Value: telemetry.Bool(f == 1)},
				frame.Record{Series: 4, Time: at + 1, Value: telemetry.Text([]string{"idle", "on", "on"}[f]), Stamped: true})
			if f == 2 {
				recs = append(recs, frame.Record{Series: 0, Time: at, Value: telemetry.Float(math.NaN()), Quality: telemetry.Bad})
			}
			h := frame.Header{Node: "pump-7", Epoch: known.Epoch, Lane: telemetry.Live, First: seq, Boot: known.Boot, Clock: known.Clock, Offset: known.Offset, Table: known.Table}
			data, then, _, err := e.Encode(nil, h, recs, known, c, c.Last(func(uint64) bool { return true }))
			if err != nil {
				t.Fatal(err)
			}
			c = then
			seq += uint64(len(recs))
			out = append(out, wire.Append(nil, &wire.Frame{Data: data}))
		}
	}
	return out
}

// The vectors of docs/frames.md are what the encoder makes, and what is printed of them is what stands there.
func TestVectors(t *testing.T) {
	var lines strings.Builder
	for _, m := range messages(t) {
		lines.WriteString(hex.EncodeToString(m) + "\n")
	}
	var out, errs bytes.Buffer
	code := command.Run(t.Context(), name, usage, []string{"frame", "-node", "pump-7", "-"}, command.IO{In: strings.NewReader(lines.String()), Out: &out, Errs: &errs}, frameCommand())
	if code != command.OK {
		t.Fatalf("status %d: %s", code, &errs)
	}
	if *update {
		for file, text := range map[string]string{vectors: lines.String(), printed: out.String()} {
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for file, text := range map[string]string{vectors: lines.String(), printed: out.String()} {
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if text != string(want) {
			t.Errorf("%s has\n%s\nwant\n%s", file, want, text)
		}
	}
}

func TestFrameCommand(t *testing.T) {
	plain, err := frame.Encode(nil, frame.Header{Node: "482", Epoch: 1, First: 5}, []frame.Record{{Value: telemetry.Int(7)}})
	if err != nil {
		t.Fatal(err)
	}
	all := messages(t)
	for _, c := range []struct {
		name, in  string
		out, errs string
		code      int
	}{
		{"a plain frame", string(plain), "plain, 1 readings", "", command.OK},
		{"in hexadecimal", hex.EncodeToString(plain), "sequences 5 to 5", "", command.OK},
		{"nothing", "", "", "neither a frame nor a message", command.Failed},
		{"something else", "hello, world", "", "neither a frame nor a message", command.Failed},
		{"half a byte", "abc", "", "line 1", command.Failed},
		{"a frame of a state that is not there", hex.EncodeToString(all[3]), "", "line 1: frame of", command.Failed},
		{"without the hello", hex.EncodeToString(all[2]), "", "bad checksum", command.Failed},
		{"an ack", hex.EncodeToString(wire.Append(nil, &wire.Ack{})), "ack: ", "", command.OK},
		{"cut off", string(plain[:len(plain)-3]), "", "fieldpost-edge: ", command.Failed},
	} {
		var out, errs bytes.Buffer
		code := command.Run(t.Context(), name, usage, []string{"frame", "-"}, command.IO{In: strings.NewReader(c.in), Out: &out, Errs: &errs}, frameCommand())
		if code != c.code || !strings.Contains(out.String(), c.out) || !strings.Contains(errs.String(), c.errs) {
			t.Errorf("%s: status %d, %q, %q", c.name, code, &out, &errs)
		}
	}
}
