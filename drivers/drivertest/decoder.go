package drivertest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fieldpost/drivers"
	"fieldpost/telemetry"
)

// Case is a folder below testdata: device.json says how the instrument is read, input.bin is what it sent, and expect.txt holds a line for each
// report: its samples, and then its error.
type Case struct {
	Name   string
	Device drivers.Device
	Input  []byte
	Expect string
}

// Cases reads the folders below testdata. Device makes the device out of a device.json.
func Cases(t testing.TB, device func(t testing.TB, json []byte) drivers.Device) []Case {
	t.Helper()
	paths, err := filepath.Glob("testdata/*/device.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	var all []Case
	for _, path := range paths {
		read := func(name string) []byte {
			b, err := os.ReadFile(filepath.Join(filepath.Dir(path), name))
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		all = append(all, Case{
			Name: filepath.Base(filepath.Dir(path)), Device: device(t, read("device.json")), Input: read("input.bin"), Expect: string(read("expect.txt")),
		})
	}
	return all
}

// RunCases holds the decoders of a kind against cases: the reports are those expected, whatever the chunks. With UPDATE in the environment it
// writes them into the folders instead.
func RunCases(t *testing.T, kind drivers.Kind, cases []Case) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			got := Decode(t, kind, c.Device, c.Input)
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(filepath.Join("testdata", c.Name, "expect.txt"), []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != c.Expect {
				t.Fatalf("got\n%s\nwant\n%s", got, c.Expect)
			}
			if got := Decode(t, kind, c.Device, Bytes(c.Input)...); got != c.Expect {
				t.Errorf("byte by byte: got\n%s\nwant\n%s", got, c.Expect)
			}
			for range 50 {
				if got := Decode(t, kind, c.Device, Chunks(r, c.Input)...); got != c.Expect {
					t.Fatalf("in random chunks: got\n%s\nwant\n%s", got, c.Expect)
				}
			}
		})
	}
}

// NewDecoder makes the decoder of a device.
func NewDecoder(t testing.TB, kind drivers.Kind, d drivers.Device) drivers.Decoder {
	t.Helper()
	dec, err := kind.Decoder(d)
	if err != nil {
		t.Fatal(err)
	}
	return dec
}

// Decode feeds chunks to a new decoder of a device and returns the reports as Text writes them.
func Decode(t testing.TB, kind drivers.Kind, d drivers.Device, chunks ...[]byte) string {
	t.Helper()
	dec := NewDecoder(t, kind, d)
	var b strings.Builder
	emit := Text(&b, d.Name)
	for _, c := range chunks {
		mine := slices.Clone(c)
		dec.Decode(mine, emit)
		for i := range mine { // it keeps none of them
			mine[i] = '#'
		}
	}
	dec.Flush(emit)
	return b.String()
}

// Text returns an Emit that writes a line to b for each report: its samples, and then its error. What is not of device says so.
func Text(b *strings.Builder, device string) drivers.Emit {
	return func(r drivers.Report) {
		if r.Device != device {
			fmt.Fprintf(b, "device %q ", r.Device)
		}
		for i, s := range r.Samples {
			if i > 0 {
				b.WriteByte(' ')
			}
			fmt.Fprintf(b, "%s=%s", s.Metric, s.Value.AppendJSON(nil))
			if s.Quality != telemetry.Good {
				fmt.Fprintf(b, "(%v)", s.Quality)
			}
			if s.Time != 0 {
				fmt.Fprintf(b, "@%v", s.Time)
			}
		}
		if r.Err != nil {
			if len(r.Samples) > 0 {
				b.WriteByte(' ')
			}
			fmt.Fprintf(b, "! %v", r.Err)
		}
		b.WriteByte('\n')
	}
}

// Bytes returns the bytes of p one by one.
func Bytes(p []byte) [][]byte {
	var chunks [][]byte
	for i := range p {
		chunks = append(chunks, p[i:i+1])
	}
	return chunks
}

// Chunks cuts p at random.
func Chunks(r *rand.Rand, p []byte) [][]byte {
	var chunks [][]byte
	for len(p) > 0 {
		n := r.IntN(min(len(p), 40)) + 1
		chunks, p = append(chunks, p[:n]), p[n:]
	}
	return chunks
}

// SamplesOnly leaves out of what Decode returns what begins with an error, and errors behind samples.
func SamplesOnly(reports string) string {
	var b strings.Builder
	for l := range strings.Lines(reports) {
		l, _, _ = strings.Cut(strings.TrimSuffix(l, "\n"), "! ")
		if l = strings.TrimSpace(l); l != "" {
			b.WriteString(l + "\n")
		}
	}
	return b.String()
}
