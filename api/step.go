package api

import (
	"context"
	"iter"
	"math"
	"slices"
	"strconv"

	"fieldpost/telemetry"
)

// bucket is what the readings of one series come to in start <= time < start+step, where start is a multiple of step since 1970. A
// span that from or to cuts through rests on the readings inside from and to. A bucket of which nothing counts is left out. A series whose unit
// changed inside a bucket has one for each unit.
type bucket struct {
	place
	Summary
}

// SpanStart returns the multiple of step, since 1970, at or before t. Where that would be before all times it is the earliest time.
func SpanStart(t, step telemetry.Time) telemetry.Time {
	rest := t % step
	if rest < 0 {
		rest += step
	}
	if t < math.MinInt64+rest {
		return math.MinInt64
	}
	return t - rest
}

func bucketEnd(start, step telemetry.Time) telemetry.Time {
	if start > math.MaxInt64-step {
		return math.MaxInt64
	}
	return start + step
}

// portions is what q asks for, by summaries where sel has them.
func portions(ctx context.Context, sel Selector, q Query, step telemetry.Time) iter.Seq2[Portion, error] {
	if s, ok := sel.(PortionSelector); ok {
		return s.Portions(ctx, q, func(t telemetry.Time) telemetry.Time { return SpanStart(t, step) })
	}
	return func(yield func(Portion, error) bool) {
		for r, err := range sel.Readings(ctx, q) {
			if !yield(Portion{Reading: r}, err) {
				return
			}
		}
	}
}

// aggregate turns portions in order of time into buckets in order of place. It holds one bucket per series at a time.
func aggregate(portions iter.Seq2[Portion, error], step telemetry.Time, descending bool) iter.Seq2[bucket, error] {
	type key struct {
		series telemetry.Series
		unit   string
	}
	return func(yield func(bucket, error) bool) {
		open := make(map[key]*bucket)
		var start telemetry.Time
		var latest *bucket // of the portion before: mostly the next one is of the same
		done := make([]bucket, 0, 16)
		flush := func() bool {
			done = done[:0]
			for _, b := range open {
				if b.Count > 0 {
					done = append(done, *b)
				}
			}
			clear(open)
			latest = nil
			slices.SortFunc(done, func(a, b bucket) int { return ordered(a.compare(b.place), descending) })
			for _, b := range done {
				if !yield(b, nil) {
					return false
				}
			}
			return true
		}
		for r, err := range portions {
			if err != nil {
				yield(bucket{}, err)
				return
			}
			if latest == nil || r.Time < start || r.Time >= bucketEnd(start, step) {
				if at := SpanStart(r.Time, step); at != start {
					if !flush() {
						return
					}
					start = at
				}
			}
			if latest == nil || latest.series != r.Series || latest.unit != r.Unit {
				k := key{r.Series, r.Unit}
				if latest = open[k]; latest == nil {
					latest = &bucket{place: place{start: start, series: r.Series, unit: r.Unit}}
					open[k] = latest
				}
			}
			if r.Of != nil {
				latest.Join(r.Of)
			} else {
				latest.Add(r.Value, r.Quality)
			}
		}
		flush()
	}
}

func ordered(c int, descending bool) int {
	if descending {
		return -c
	}
	return c
}

// skipTo leaves out the buckets up to and including after.
func skipTo(rows iter.Seq2[bucket, error], after *place, descending bool) iter.Seq2[bucket, error] {
	if after == nil {
		return rows
	}
	return func(yield func(bucket, error) bool) {
		for b, err := range rows {
			if err == nil && ordered(b.compare(*after), descending) <= 0 {
				continue
			}
			if !yield(b, err) {
				return
			}
		}
	}
}

func appendBucket(b []byte, k *bucket) []byte {
	b = appendSeriesName(append(b, '{'), k.series)
	b = appendTime(append(b, `,"time":`...), k.start)
	if k.Numbers > 0 {
		b = k.Min.AppendJSON(append(b, `,"min":`...))
		b = k.Max.AppendJSON(append(b, `,"max":`...))
		b = k.Mean().AppendJSON(append(b, `,"mean":`...))
	} else {
		b = append(b, `,"min":null,"max":null,"mean":null`...)
	}
	b = strconv.AppendUint(append(b, `,"count":`...), k.Count, 10)
	b = telemetry.AppendString(append(b, `,"unit":`...), k.unit)
	return append(b, '}')
}

func appendBucketRow(b []byte, k *bucket) []byte {
	b = append(k.start.AppendFormat(b), ',')
	b = appendFields(b, k.series.Node, k.series.Device, k.series.Metric)
	if k.Numbers > 0 {
		b = k.Min.Append(append(b, ','))
		b = k.Max.Append(append(b, ','))
		b = append(k.Mean().Append(append(b, ',')), ',')
	} else {
		b = append(b, ",,,,"...)
	}
	b = strconv.AppendUint(b, k.Count, 10)
	return appendField(append(b, ','), k.unit)
}
