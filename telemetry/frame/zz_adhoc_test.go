package frame_test

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

func loadAdhoc(path string) []frame.Record {
	f, _ := os.Open(path)
	defer f.Close()
	idx := map[string]uint32{}
	var out []frame.Record
	s := bufio.NewScanner(f)
	s.Scan()
	for s.Scan() {
		p := strings.Split(s.Text(), ",")
		ms, _ := strconv.ParseInt(p[0], 10, 64)
		if _, ok := idx[p[1]]; !ok {
			idx[p[1]] = uint32(len(idx))
		}
		r := frame.Record{Series: idx[p[1]], Time: telemetry.Time(ms * 1e6)}
		switch p[2] {
		case "true", "false":
			r.Value = telemetry.Bool(p[2] == "true")
		default:
			v, err := strconv.ParseFloat(p[2], 64)
			if err != nil {
				panic(err)
			}
			r.Value = telemetry.Float(v)
		}
		out = append(out, r)
	}
	return out
}

func TestAdhoc(t *testing.T) {
	dir := os.Getenv("FRAME_DATA")
	if dir == "" {
		t.Skip()
	}
	files, _ := filepath.Glob(dir + "/*.csv")
	h := frame.Header{Node: "pi-7", Epoch: 0x123456789abcdef, Lane: telemetry.Live, Boot: telemetry.Boot{Ordinal: 3, ID: 0xdeadbeefcafebabe}, Clock: telemetry.ClockSync, Offset: 1.7e18, Table: 0x1234567812345678}
	for _, batch := range []int{1, 10, 60, 600, 4096} {
		geo := 0.0
		for _, f := range files {
			recs := loadAdhoc(f)
			total := 0
			var enc, dec time.Duration
			var parts [][]frame.Record
			var frames [][]byte
			var buf []byte
			var out []frame.Record
			var err error
			for i := 0; i < len(recs); i += batch {
				part := recs[i:min(i+batch, len(recs))]
				h.First = uint64(i + 1)
				buf, err = frame.Encode(buf[:0], h, part)
				parts, frames = append(parts, part), append(frames, append([]byte(nil), buf...))
				if err != nil {
					t.Fatal(err)
				}
				total += len(buf)
				_, out, err = frame.Decode(buf, out[:0])
				if err != nil {
					t.Fatal(err)
				}
				for j := range part {
					if part[j] != out[j] {
						t.Fatal(f, i, j, part[j], out[j])
					}
				}
			}
			for range 8 {
				t0 := cpu()
				for _, p := range parts {
					buf, _ = frame.Encode(buf[:0], h, p)
				}
				t1 := cpu()
				for _, f := range frames {
					_, out, _ = frame.Decode(f, out[:0])
				}
				enc += t1 - t0
				dec += cpu() - t1
			}
			enc /= 8
			dec /= 8
			b := float64(total) / float64(len(recs))
			geo += math.Log(b)
			fmt.Printf("%5d %-22s %.3f B  enc %.1f ns dec %.1f ns\n", batch, filepath.Base(f), b, float64(enc.Nanoseconds())/float64(len(recs)), float64(dec.Nanoseconds())/float64(len(recs)))
		}
		fmt.Printf("%5d geomean %.3f\n", batch, math.Exp(geo/float64(len(files))))
	}
}

func cpu() time.Duration {
	var r syscall.Rusage
	syscall.Getrusage(0, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
