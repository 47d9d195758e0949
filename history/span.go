package history

import (
	"fieldpost/api"
	"fieldpost/telemetry/frame"
)

// Span is the earliest and the latest reading of one series in a frame, times as the frame has them.
type Span struct {
	Series                    uint32 // index into the table
	First, Last               api.Point
	FirstStamped, LastStamped bool // the time is the instrument's: no clock correction
}

// Spans works out the span of each series in recs, by index, in the order the series first appear.
func Spans(recs []frame.Record) []Span {
	var out []Span
	at := map[uint32]int{}
	for i := range recs {
		r := &recs[i]
		p := api.Point{Time: r.Time, Value: r.Value, Quality: r.Quality}
		n, ok := at[r.Series]
		if !ok {
			at[r.Series] = len(out)
			out = append(out, Span{r.Series, p, p, r.Stamped, r.Stamped})
			continue
		}
		s := &out[n]
		if p.Time < s.First.Time {
			s.First, s.FirstStamped = p, r.Stamped
		}
		if p.Time >= s.Last.Time {
			s.Last, s.LastStamped = p, r.Stamped
		}
	}
	return out
}
