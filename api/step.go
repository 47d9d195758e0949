package api

import (
	"iter"
	"math"
	"slices"
	"strconv"

	"fieldpost/telemetry"
)

// bucket is what the readings of one series come to in start <= time < start+step, where start is a multiple of step since 1970. A
// span that from or to cuts through rests on the readings inside from and to.
//
// Readings of bad quality and not-a-number are left out as if they had not been; a bucket of nothing else is left out too. Booleans
// count as 0 and 1. Text is counted, with null for the rest. A series whose unit changed inside a bucket has one for each unit.
type bucket struct {
	place
	count    uint64
	numbers  uint64          // those of count that are no text: min, max and mean are of these
	min, max telemetry.Value // integers exact
	sum      float64         // of the finite ones, by Neumaier's sum: the mean of many like values keeps its last digits
	lost     float64         // what sum lost by rounding
	small    float64         // the same sum times 2^-64, for when sum overflows
	infinite float64         // sum of the infinities, or 0
}

func (b *bucket) add(v telemetry.Value) {
	f, ok := v.Number()
	if !ok {
		b.count++
		return
	}
	if math.IsNaN(f) {
		return
	}
	if v.Kind() == telemetry.KindBool {
		v = telemetry.Int(int64(f))
	}
	b.count++
	if b.numbers == 0 || less(v, b.min) {
		b.min = v
	}
	if b.numbers == 0 || less(b.max, v) {
		b.max = v
	}
	b.numbers++
	if math.IsInf(f, 0) {
		b.infinite += f
		return
	}
	t := b.sum + f
	if math.Abs(b.sum) >= math.Abs(f) {
		b.lost += b.sum - t + f
	} else {
		b.lost += f - t + b.sum
	}
	b.sum = t
	b.small += f * 0x1p-64
}

// less compares integers exactly, all else as floats.
func less(a, b telemetry.Value) bool {
	if a.Kind() == telemetry.KindInt && b.Kind() == telemetry.KindInt {
		return a.Int() < b.Int()
	}
	x, _ := a.Number()
	y, _ := b.Number()
	return x < y
}

func (b *bucket) mean() telemetry.Value {
	m := b.infinite
	if m == 0 {
		m = (b.sum + b.lost) / float64(b.numbers)
		if math.IsNaN(m) || math.IsInf(m, 0) {
			m = b.small / float64(b.numbers) * 0x1p64
		}
	}
	return telemetry.Float(m)
}

// bucketStart returns the multiple of step at or before t. Where that would be before all times it is the earliest time.
func bucketStart(t, step telemetry.Time) telemetry.Time {
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

// aggregate turns readings in order of time into buckets in order of place. It holds one bucket per series at a time.
func aggregate(readings iter.Seq2[Reading, error], step telemetry.Time, descending bool) iter.Seq2[bucket, error] {
	type key struct {
		series telemetry.Series
		unit   string
	}
	return func(yield func(bucket, error) bool) {
		open := make(map[key]*bucket)
		var start telemetry.Time
		done := make([]bucket, 0, 16)
		flush := func() bool {
			done = done[:0]
			for _, b := range open {
				if b.count > 0 {
					done = append(done, *b)
				}
			}
			clear(open)
			slices.SortFunc(done, func(a, b bucket) int { return ordered(a.compare(b.place), descending) })
			for _, b := range done {
				if !yield(b, nil) {
					return false
				}
			}
			return true
		}
		for r, err := range readings {
			if err != nil {
				yield(bucket{}, err)
				return
			}
			if at := bucketStart(r.Time, step); at != start {
				if !flush() {
					return
				}
				start = at
			}
			if r.Quality == telemetry.Bad {
				continue
			}
			k := key{r.Series, r.Unit}
			b := open[k]
			if b == nil {
				b = &bucket{place: place{start: start, series: r.Series, unit: r.Unit}}
				open[k] = b
			}
			b.add(r.Value)
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
	if k.numbers > 0 {
		b = k.min.AppendJSON(append(b, `,"min":`...))
		b = k.max.AppendJSON(append(b, `,"max":`...))
		b = k.mean().AppendJSON(append(b, `,"mean":`...))
	} else {
		b = append(b, `,"min":null,"max":null,"mean":null`...)
	}
	b = strconv.AppendUint(append(b, `,"count":`...), k.count, 10)
	b = telemetry.AppendString(append(b, `,"unit":`...), k.unit)
	return append(b, '}')
}

func appendBucketRow(b []byte, k *bucket) []byte {
	b = append(k.start.AppendFormat(b), ',')
	b = appendFields(b, k.series.Node, k.series.Device, k.series.Metric)
	if k.numbers > 0 {
		b = k.min.Append(append(b, ','))
		b = k.max.Append(append(b, ','))
		b = append(k.mean().Append(append(b, ',')), ',')
	} else {
		b = append(b, ",,,,"...)
	}
	b = strconv.AppendUint(b, k.count, 10)
	return appendField(append(b, ','), k.unit)
}
