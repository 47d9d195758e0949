package dense

import (
	"fmt"
	"testing"

	"fieldpost/telemetry/frame"
)

func BenchmarkCodec(b *testing.B) {
	for _, effort := range []Effort{Light, Full} {
		for _, batch := range []int{60, 600} {
			recs := recordsOf(b, all(b)[0])[:6000]
			e := NewEncoder(effort)
			var frames [][]byte
			var states []*State
			var last *State
			for at := 0; at < len(recs); at += batch {
				states = append(states, last)
				f, _, s, err := e.Encode(nil, headerOf(known, 1+uint64(at)), recs[at:at+batch], known, only(last), last)
				if err != nil {
					b.Fatal(err)
				}
				frames, last = append(frames, f), s
			}
			each := func(b *testing.B, f func(i int) error) {
				n := 0
				for b.Loop() {
					if err := f(n % len(frames)); err != nil {
						b.Fatal(err)
					}
					n++
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*batch), "ns/reading")
			}
			name := fmt.Sprintf("%d/%d", effort, batch)
			b.Run("encode/"+name, func(b *testing.B) {
				var out []byte
				each(b, func(i int) (err error) {
					out, _, _, err = e.Encode(out[:0], headerOf(known, 1+uint64(i*batch)), recs[i*batch:(i+1)*batch], known, only(states[i]), states[i])
					return err
				})
			})
			b.Run("decode/"+name, func(b *testing.B) {
				each(b, func(i int) error {
					_, back, _, err := Decode(frames[i], known, only(states[i]))
					if err == nil && len(back) != batch {
						err = frame.ErrCorrupt
					}
					return err
				})
			})
		}
	}
}
