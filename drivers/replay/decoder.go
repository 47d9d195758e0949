package replay

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"fieldpost/drivers"
	"fieldpost/telemetry"
)

const (
	// maxRow is the longest row in bytes: several times what a row with three fields needs, however long its text.
	maxRow = 16 << 10
	// maxTogether bounds a report, whatever a file with one time for all rows would make of it.
	maxTogether = 1024
)

// decoder is the pure half: drivers.Decoder over the bytes of a recording from its first on.
type decoder struct {
	device   string
	settings *Settings
	metrics  map[string][]drivers.Metric // by sensor
	unseen   map[string]bool             // sensors of metrics that no row has named yet

	rest   []byte // of a row whose end has not come
	over   bool   // the row under way is longer than maxRow: its rest is dropped
	line   int    // number of the row under way, from 1
	header *header
	err    error // why the file is no recording; nothing more is read

	at       telemetry.Time   // of the samples
	samples  []drivers.Sample // of the rows with the same time so far
	emit     drivers.Emit     // of the call under way
	schedule func(telemetry.Time)
}

func newDecoder(d drivers.Device, s *Settings) (*decoder, error) {
	dec := &decoder{
		device: d.Name, settings: s, metrics: map[string][]drivers.Metric{}, unseen: map[string]bool{}, line: 1,
		schedule: func(telemetry.Time) {},
	}
	for _, m := range d.Metrics {
		a, ok := m.Address.(*Address)
		if !ok {
			return nil, fmt.Errorf("device %s: address of metric %s is %T, not one of replay", d.Name, m.Name, m.Address)
		}
		sensor := a.Sensor
		if sensor == "" {
			sensor = m.Name
		}
		dec.metrics[sensor] = append(dec.metrics[sensor], m)
		dec.unseen[sensor] = true
	}
	return dec, nil
}

// Decode implements drivers.Decoder.
func (d *decoder) Decode(p []byte, emit drivers.Emit) {
	d.emit = emit
	for len(p) > 0 && d.err == nil {
		part, after, ended := bytes.Cut(p, []byte{'\n'})
		p = after
		switch {
		case d.over:
		case len(d.rest)+len(part) > maxRow:
			d.over = true
			d.fail("the row is longer than %d bytes", maxRow)
			d.rest = d.rest[:0]
		case !ended:
			d.rest = append(d.rest, part...)
		case len(d.rest) > 0:
			d.rest = append(d.rest, part...)
			d.row(d.rest)
			d.rest = d.rest[:0]
		default:
			d.row(part)
		}
		if ended {
			d.over = false
			d.line++
		}
	}
	d.emit = nil
}

// Flush implements drivers.Decoder: the recording has ended. Its last row needs no line end.
func (d *decoder) Flush(emit drivers.Emit) {
	d.emit = emit
	defer func() { d.emit = nil }()
	if len(d.rest) > 0 && d.err == nil {
		d.row(d.rest)
		d.rest = d.rest[:0]
	}
	d.together()
	switch {
	case d.err != nil:
	case d.header == nil:
		d.refuse(errors.New("the file is empty; a recording begins with a header row"))
	default:
		for _, s := range sortedKeys(d.unseen) {
			d.emit(drivers.Report{Device: d.device, Err: fmt.Errorf("the recording has no row of sensor %q", s)})
		}
		clear(d.unseen) // once is enough
	}
}

// row takes a row without its line end.
func (d *decoder) row(b []byte) {
	b = bytes.TrimSuffix(b, []byte{'\r'})
	if d.line == 1 {
		b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")) // what Excel begins with
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return
	}
	fields, err := d.split(string(b))
	switch {
	case err != nil && d.header == nil:
		d.refuse(err)
	case err != nil:
		d.fail("%w", err)
	case d.header == nil:
		h, err := newHeader(fields, d.settings.Columns)
		if err != nil {
			d.refuse(err)
			return
		}
		d.header = &h
	case len(fields) < d.header.fields():
		d.fail("%s: %d fields; want at least %d", excerpt(string(b)), len(fields), d.header.fields())
	default:
		d.fields(fields)
	}
}

// split takes a row apart.
func (d *decoder) split(row string) ([]string, error) {
	if !strings.Contains(row, `"`) {
		return strings.Split(row, d.settings.Separator), nil
	}
	r := csv.NewReader(strings.NewReader(row))
	r.Comma = rune(d.settings.Separator[0])
	fields, err := r.Read()
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		err = parse.Err // the line number is ours
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", excerpt(row), err)
	}
	return fields, nil
}

// fields takes a row that is whole.
func (d *decoder) fields(f []string) {
	sensor := strings.TrimSpace(f[d.header.sensor])
	metrics := d.metrics[sensor]
	if len(metrics) == 0 {
		return
	}
	delete(d.unseen, sensor)
	at, err := parseTime(strings.TrimSpace(f[d.header.time]), d.settings.Layout)
	if err == nil && at == 0 && d.settings.Times == Keep {
		err = errors.New("is the time of a clock that was never set, and cannot be kept")
	}
	if err != nil {
		d.fail("time %s %w", excerpt(f[d.header.time]), err)
		return
	}
	if at != d.at || len(d.samples)+len(metrics) > maxTogether {
		d.together()
		d.at = at
	}
	for _, m := range metrics {
		v, quality, err := parseValue(strings.TrimSpace(f[d.header.value]), m.Kind)
		if err != nil {
			d.fail("%s: %s %w", m.Name, excerpt(f[d.header.value]), err)
			continue
		}
		s := drivers.Sample{Metric: m.Name, Value: v, Quality: quality}
		if d.settings.Times == Keep {
			s.Time = at
		}
		d.samples = append(d.samples, s)
	}
}

// together reports what has the same time.
func (d *decoder) together() {
	if len(d.samples) == 0 {
		return
	}
	d.schedule(d.at)
	d.emit(drivers.Report{Device: d.device, Samples: d.samples})
	d.samples = d.samples[:0]
}

// fail reports what is wrong with the row under way.
func (d *decoder) fail(format string, args ...any) {
	d.together() // in the order of the file
	d.emit(drivers.Report{Device: d.device, Err: fmt.Errorf("line %d: %w", d.line, fmt.Errorf(format, args...))})
}

// refuse ends the reading of a file that is no recording.
func (d *decoder) refuse(err error) {
	d.err = fmt.Errorf("line %d: %w", d.line, err)
	d.emit(drivers.Report{Device: d.device, Err: d.err})
}

// excerpt quotes the beginning of s: enough to know it by, and little enough for a status page.
func excerpt(s string) string {
	const length = 48
	if len(s) <= length {
		return strconv.Quote(s)
	}
	return strconv.Quote(s[:length]) + "…"
}
