package measure

import (
	"fmt"
	"math"
	"slices"
	"time"

	"fieldpost/measure/recordings"
	"fieldpost/telemetry/frame"
)

// SpeedReport is how fast the readings of one recording are encoded and decoded on one core, in readings a second.
type SpeedReport struct {
	Recording string  `json:"recording"`
	Batch     int     `json:"batch"`
	Encode    float64 `json:"encode"`
	Decode    float64 `json:"decode"`
}

// speedRounds is how often each recording is gone through; the round in the middle counts.
const speedRounds = 9

// Speeds encodes and decodes all recordings in batches.
func Speeds(batches []int) (out []SpeedReport, err error) {
	all, err := recordings.All()
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		records, _, err := recordsOf(r)
		if err != nil {
			return nil, err
		}
		for _, n := range batches {
			s, err := speedOf(records, n)
			if err != nil {
				return nil, fmt.Errorf("recording %s: %w", r.Name, err)
			}
			s.Recording, s.Batch = r.Name, n
			out = append(out, s)
		}
	}
	return out, nil
}

func speedOf(records []frame.Record, batch int) (s SpeedReport, err error) {
	var frames [][]byte
	var encode, decode []float64
	var back []frame.Record
	for range speedRounds {
		began := time.Now()
		h := header()
		for i, part := range slices.Collect(slices.Chunk(records, batch)) {
			if i == len(frames) {
				frames = append(frames, nil)
			}
			if frames[i], err = frame.Encode(frames[i][:0], h, part); err != nil {
				return s, err
			}
			h.First += uint64(len(part))
		}
		encode = append(encode, float64(len(records))/time.Since(began).Seconds())
		began = time.Now()
		for _, f := range frames {
			if _, back, err = frame.Decode(f, back[:0]); err != nil {
				return s, err
			}
		}
		decode = append(decode, float64(len(records))/time.Since(began).Seconds())
	}
	slices.Sort(encode)
	slices.Sort(decode)
	s.Encode, s.Decode = encode[speedRounds/2], decode[speedRounds/2]
	return s, nil
}

// SpeedsTable shows all recordings, for each batch, with the geometric mean.
func SpeedsTable(all []SpeedReport, batches []int) Table {
	t := Table{Title: "Plain frames, millions of readings a second on one core: encoded / decoded", Columns: []string{"recording"}}
	for _, n := range batches {
		t.Columns = append(t.Columns, fmt.Sprintf("in batches of %d", n))
	}
	logs := make([][2]float64, len(batches))
	for i := 0; i < len(all); i += len(batches) {
		row := []any{all[i].Recording}
		for b, s := range all[i : i+len(batches)] {
			row = append(row, fmt.Sprintf("%s / %s", digits(s.Encode/1e6), digits(s.Decode/1e6)))
			logs[b][0] += math.Log(s.Encode)
			logs[b][1] += math.Log(s.Decode)
		}
		t.Add(row...)
	}
	mean := []any{"geometric mean"}
	n := float64(len(all) / len(batches))
	for _, l := range logs {
		mean = append(mean, fmt.Sprintf("%s / %s", digits(math.Exp(l[0]/n)/1e6), digits(math.Exp(l[1]/n)/1e6)))
	}
	t.Add(mean...)
	return t
}
