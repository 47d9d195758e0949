package frame_test

import (
	"fmt"
	"testing"

	"fieldpost/telemetry/frame"
)

// bench runs f over name's records in batches and reports bytes and time per reading. f gets a batch and its frame.
func bench(b *testing.B, f func(b *testing.B, recs []frame.Record, encoded []byte)) {
	for _, name := range recordings {
		all := recording(b, name)
		for _, batch := range []int{60, 600} {
			b.Run(fmt.Sprintf("%s/%d", name, batch), func(b *testing.B) {
				h := header()
				var parts [][]frame.Record
				var frames [][]byte
				size, readings := 0, 0
				for i := 0; i+batch <= len(all); i += batch {
					enc, err := frame.Encode(nil, h, all[i:i+batch])
					if err != nil {
						b.Fatal(err)
					}
					parts, frames = append(parts, all[i:i+batch]), append(frames, enc)
					size, readings = size+len(enc), readings+batch
				}
				b.ReportAllocs()
				b.ResetTimer()
				for i := range b.N {
					f(b, parts[i%len(parts)], frames[i%len(parts)])
				}
				b.ReportMetric(float64(size)/float64(readings), "B/reading")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/reading")
			})
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	var dst []byte
	bench(b, func(b *testing.B, recs []frame.Record, _ []byte) {
		var err error
		if dst, err = frame.Encode(dst[:0], header(), recs); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	var dst []frame.Record
	bench(b, func(b *testing.B, _ []frame.Record, encoded []byte) {
		var err error
		if _, dst, err = frame.Decode(encoded, dst[:0]); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkDecodeByColumn(b *testing.B) {
	var dst []frame.Selected
	bench(b, func(b *testing.B, _ []frame.Record, encoded []byte) {
		var err error
		if _, dst, err = frame.DecodeByColumn(encoded, dst[:0]); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkDecodeOneSeries(b *testing.B) {
	var dst []frame.Selected
	bench(b, func(b *testing.B, _ []frame.Record, encoded []byte) {
		var err error
		if _, dst, err = frame.DecodeColumns(encoded, func(s uint32) bool { return s == 0 }, dst[:0]); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkParseHeader(b *testing.B) {
	bench(b, func(b *testing.B, _ []frame.Record, encoded []byte) {
		if _, err := frame.ParseHeader(encoded[:min(len(encoded), frame.HeadSize)]); err != nil {
			b.Fatal(err)
		}
	})
}
