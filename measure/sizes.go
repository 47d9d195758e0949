package measure

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"fieldpost/measure/recordings"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/frame/dense"
)

// SizeReport is what the readings of one recording take in batches of one size, in bytes a reading.
type SizeReport struct {
	Recording string  `json:"recording"`
	Batch     int     `json:"batch"`
	Plain     float64 `json:"plain"` // our frames: header, identity, times, checksums; the series table once
	Light     float64 `json:"light"` // dense ones, each coded by the state after the one before
	Full      float64 `json:"full"`
	Four      float64 `json:"four"` // full ones, four of which are under way at any time
	LightCold float64 `json:"lightCold"`
	Cold      float64 `json:"cold"` // full ones, each by itself
	Gorilla   float64 `json:"gorilla"`
	JSON      float64 `json:"json"`
	JSONGzip  float64 `json:"json_gzip"`
	Sparkplug float64 `json:"sparkplug"`
	SparkGzip float64 `json:"sparkplug_gzip"`
}

// Sizes encodes all recordings in batches, until ctx ends. It measures no time and starts nothing.
func Sizes(ctx context.Context, batches []int) (out []SizeReport, err error) {
	all, err := recordings.All()
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		records, table, err := recordsOf(r)
		if err != nil {
			return nil, err
		}
		for _, n := range batches {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			s, err := sizesOf(r, records, n)
			if err != nil {
				return nil, fmt.Errorf("recording %s: %w", r.Name, err)
			}
			s.Plain += float64(table) / float64(len(records))
			out = append(out, s)
		}
	}
	return out, nil
}

// recordsOf returns a recording as a node would number it, and the bytes of its series table.
func recordsOf(r recordings.Recording) (records []frame.Record, table int, err error) {
	series := map[string]uint32{}
	device := frame.Device{Name: "sensor"}
	for _, x := range r.Readings {
		v, err := valueOf(x.Value)
		if err != nil {
			return nil, 0, fmt.Errorf("recording %s: %w", r.Name, err)
		}
		i, ok := series[x.Sensor]
		if !ok {
			i = uint32(len(series))
			series[x.Sensor] = i
			device.Metrics = append(device.Metrics, frame.Metric{Name: strings.ToLower(x.Sensor), Kind: v.Kind()})
		}
		records = append(records, frame.Record{Series: i, Time: telemetry.Time(x.Time * 1e6), Value: v})
	}
	encoded, err := (&frame.Table{Devices: []frame.Device{device}}).Encode()
	return records, len(encoded), err
}

func valueOf(text string) (telemetry.Value, error) {
	if b, err := strconv.ParseBool(text); err == nil && len(text) > 1 { // not 0 or 1
		return telemetry.Bool(b), nil
	}
	f, err := strconv.ParseFloat(text, 64)
	return telemetry.Float(f), err
}

// header is that of a node's first frame.
func header() frame.Header {
	return frame.Header{Node: nodeName, Epoch: 0x5eed5eed5eed5eed, Lane: telemetry.Live, First: 1, Boot: telemetry.Boot{Ordinal: 1, ID: 0xb007b007b007b007},
		Clock: telemetry.ClockSync, Offset: 1_700_000_000_123_456_789, Table: 0x7ab1e7ab1e7ab1e}
}

func sizesOf(r recordings.Recording, records []frame.Record, batch int) (s SizeReport, err error) {
	h := header()
	s = SizeReport{Recording: r.Name, Batch: batch}
	var ours, text, spark []byte
	// A dense frame of one record takes as long as one of a hundred: some thousands tell as much.
	tried := len(records)
	if batch < 10 {
		tried = min(tried, 3000)
	}
	light, full, four := chain{e: dense.NewEncoder(dense.Light), flight: 1}, chain{e: dense.NewEncoder(dense.Full), flight: 1}, chain{e: dense.NewEncoder(dense.Full), flight: 4}
	for at := 0; at < len(records); at += batch {
		end := min(at+batch, len(records))
		if ours, err = frame.Encode(ours[:0], h, records[at:end]); err != nil {
			return s, err
		}
		for _, d := range []struct {
			chain *chain
			to    *float64
		}{{&light, &s.Light}, {&full, &s.Full}, {&four, &s.Four}, {&chain{e: dense.NewEncoder(dense.Light)}, &s.LightCold}, {&chain{e: dense.NewEncoder(dense.Full)}, &s.Cold}} {
			if at >= tried {
				break
			}
			n, err := d.chain.size(h, records[at:end])
			if err != nil {
				return s, err
			}
			*d.to += float64(n) * float64(len(records)) / float64(min(tried, len(records)))
		}
		s.Gorilla += float64(gorillaSize(records[at:end]))
		h.First += uint64(end - at)
		metrics := make([]sparkplugMetric, 0, end-at)
		text = append(text[:0], '[')
		for i, x := range r.Readings[at:end] {
			text = fmt.Appendf(text, `{"ts":%d,"sensor":%q,"value":%s},`, x.Time, x.Sensor, x.Value)
			metrics = append(metrics, sparkplugMetric{uint64(records[at+i].Series), x.Time, records[at+i].Value})
		}
		text[len(text)-1] = ']'
		spark = appendSparkplug(spark[:0], uint64(at/batch%256), metrics)
		s.Plain += float64(len(ours))
		s.JSON += float64(len(text))
		s.JSONGzip += float64(zipped(text))
		s.Sparkplug += float64(len(spark))
		s.SparkGzip += float64(zipped(spark))
	}
	n := float64(len(records))
	for _, x := range []*float64{&s.Plain, &s.Light, &s.Full, &s.Four, &s.LightCold, &s.Cold, &s.Gorilla, &s.JSON, &s.JSONGzip, &s.Sparkplug, &s.SparkGzip} {
		*x /= n
	}
	return s, nil
}

// chain is dense frames, of which up to flight are under way when the next one is made, and those before them acknowledged. flight 0: each is cold.
type chain struct {
	e      *dense.Encoder
	flight int
	sent   []uint64
	states dense.Chain
	b      []byte
}

func (c *chain) size(h frame.Header, records []frame.Record) (int, error) {
	k := dense.Known{Node: h.Node, Epoch: h.Epoch, Lane: h.Lane, Boot: h.Boot, Clock: h.Clock, Offset: h.Offset, Table: h.Table}
	if c.flight == 0 {
		c.states, k.Next = dense.Chain{}, h.First
	}
	base := c.states.Last(func(name uint64) bool { return slices.Contains(c.sent[:max(0, len(c.sent)-c.flight+1)], name) })
	var next *dense.State
	var err error
	if c.b, c.states, next, err = c.e.Encode(c.b[:0], h, records, k, c.states, base); err != nil {
		return 0, err
	}
	c.sent = append(c.sent, next.Name())
	c.sent = c.sent[max(0, len(c.sent)-2*c.flight-dense.MaxBases):]
	return len(c.b), nil
}

func zipped(b []byte) int {
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // fails for unknown levels only
	_, _ = z.Write(b)                                       // into memory
	_ = z.Close()
	return out.Len()
}

// SizesTable shows the recordings in batches of one size, with the geometric mean.
func SizesTable(all []SizeReport, batch int) Table {
	t := Table{
		Title:   fmt.Sprintf("Bytes a reading, in batches of %d", batch),
		Notes:   []string{"Plain, light, full: ours, all included but the link's own; light and full each coded by the state after the frame before, with 4 in flight by that after the last one acknowledged, cold by itself, after a hello."},
		Columns: []string{"recording", "plain", "light", "full", "full, 4 in flight", "light, cold", "full, cold", "Gorilla", "JSON", "JSON, gzip", "Sparkplug B", "Sparkplug B, gzip"},
	}
	var logs [11]float64
	n := 0.
	for _, s := range all {
		if s.Batch != batch {
			continue
		}
		n++
		for i, x := range []float64{s.Plain, s.Light, s.Full, s.Four, s.LightCold, s.Cold, s.Gorilla, s.JSON, s.JSONGzip, s.Sparkplug, s.SparkGzip} {
			logs[i] += math.Log(x)
		}
		t.Add(s.Recording, s.Plain, s.Light, s.Full, s.Four, s.LightCold, s.Cold, s.Gorilla, s.JSON, s.JSONGzip, s.Sparkplug, s.SparkGzip)
	}
	mean := []any{"geometric mean"}
	for _, l := range logs {
		mean = append(mean, math.Exp(l/n))
	}
	t.Add(mean...)
	return t
}
