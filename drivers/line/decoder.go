package line

import (
	"errors"
	"fmt"
	"time"

	"fieldpost/drivers"
	"fieldpost/drivers/stream"
	"fieldpost/telemetry"
)

// quiet ends a line of an instrument that sends no line ends. It is more than the pause that sketches make in the middle of a line while
// they wait for a sensor (750 ms for a DS18B20), and less than the second at which most repeat.
const quiet = 900 * time.Millisecond

// decoder is the pure half: stream.Decoder over a framer and a parser.
type decoder struct {
	device string
	framer framer
	parser parser
	strict bool // csv: a field that is not there is an error
	chance bool // csv and regex: a line that has lost its head can parse all the same
	slots  []string
	found  []field
	wanted []metric
	clock  *clock
	start  stream.Start // Whole once the first line has been read

	samples []drivers.Sample
	emit    drivers.Emit // of the call under way
}

type metric struct {
	name    string
	kind    telemetry.Kind
	slot    int
	decimal byte
	last    string // text
}

func newDecoder(d drivers.Device) (*decoder, error) {
	s, ok := d.Settings.(*Settings)
	if !ok {
		return nil, fmt.Errorf("device %s: settings are %T, not those of line", d.Name, d.Settings)
	}
	if len(d.Metrics) == 0 {
		return nil, fmt.Errorf("device %s: a line driver needs metrics: which fields it is to read", d.Name)
	}
	dec := &decoder{
		device: d.Name, framer: framer{max: s.maxLine()}, strict: s.Format == CSV, chance: s.Format == CSV || s.Format == Regex,
	}
	var want slots
	var problems []error
	owners := map[int]drivers.MetricError{} // who named a slot first
	for _, m := range d.Metrics {
		where, err := address(m, s.Format)
		if err != nil {
			problems = append(problems, &drivers.MetricError{Metric: m.Name, Key: "field", Err: err})
			continue
		}
		slot := want.of(where)
		if _, ok := owners[slot]; !ok {
			owners[slot] = drivers.MetricError{Metric: m.Name, Key: "field"}
		}
		dec.wanted = append(dec.wanted, metric{name: m.Name, kind: m.Kind, slot: slot, decimal: s.decimal()})
	}
	if s.Time != nil {
		if err := checkLayout(s.Time.Layout); err != nil {
			problems = append(problems, fmt.Errorf("time: %w", err))
		}
		dec.clock = &clock{slot: want.of(string(s.Time.Field)), layout: s.Time.Layout, decimal: s.decimal()}
	}
	var err error
	dec.parser, err = newParser(s, &want, func(slot int, err error) {
		if at, ok := owners[slot]; ok {
			at.Err = err
			problems = append(problems, &at)
			return
		}
		problems = append(problems, fmt.Errorf("time: field: %w", err))
	})
	if err != nil {
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("device %s: %w", d.Name, err)
	}
	dec.slots, dec.found = want.names, make([]field, len(want.names))
	dec.samples = make([]drivers.Sample, 0, len(dec.wanted))
	return dec, nil
}

// Begin implements stream.Decoder.
func (d *decoder) Begin(s stream.Start) {
	d.framer.reset()
	d.start = s
}

// Decode implements drivers.Decoder.
func (d *decoder) Decode(p []byte, emit drivers.Emit) {
	d.emit = emit
	d.framer.feed(p, d)
	d.emit = nil
}

// Flush implements drivers.Decoder: a line without an end is complete.
func (d *decoder) Flush(emit drivers.Emit) {
	d.emit = emit
	d.framer.finish(d)
	d.emit = nil
}

// Quiet implements stream.Decoder: silence ends a line of an instrument that sends no line ends.
func (d *decoder) Quiet() time.Duration {
	if d.framer.ended || len(d.framer.rest) == 0 && !d.framer.over {
		return 0
	}
	return quiet
}

// End implements stream.Decoder. An instrument without line ends that has sent all and closes has sent one line per connection. Any other line under
// way is reported as cut off: its last number may have lost digits, so that it must not count even if it parses.
func (d *decoder) End(closed bool, emit drivers.Emit) {
	if closed && !d.framer.ended {
		d.Flush(emit)
		return
	}
	if len(d.framer.rest) > 0 && !d.headless() {
		emit(drivers.Report{Device: d.device, Err: fmt.Errorf("line %s: %w", stream.Excerpt(d.framer.rest), errCutShort)})
	}
	d.framer.reset()
}

// headless says that the line under way may lack its beginning.
func (d *decoder) headless() bool { return d.start != stream.Whole }

// tooLong implements events.
func (d *decoder) tooLong(b []byte) {
	d.start = stream.Whole // cut at its head or not, it is too long
	d.emit(drivers.Report{Device: d.device, Err: fmt.Errorf("line %s: dropped: it is longer than max_line, %d bytes", stream.Excerpt(b), d.framer.max)})
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// line implements events.
func (d *decoder) line(b []byte) {
	if len(b) >= len(byteOrderMark) && string(b[:len(byteOrderMark)]) == string(byteOrderMark) {
		b = b[len(byteOrderMark):]
	}
	if len(trim(b)) == 0 { // but blanks may separate: the parser gets them
		return
	}
	for all := b; len(b) > 0; {
		clear(d.found)
		rest, err := d.parser.parse(b, d.found)
		if err != nil {
			if !d.headless() {
				d.emit(drivers.Report{Device: d.device, Err: fmt.Errorf("line %s: %w", stream.Excerpt(all), err)})
			}
			break
		}
		d.report(all)
		b = trim(rest)
	}
	d.start = stream.Whole
}

// report turns what the parser found into a report.
func (d *decoder) report(line []byte) {
	var bad stream.Trouble
	var numbers tally
	var at telemetry.Time
	if d.clock != nil {
		// A time that cannot be read costs the line its time, not its values: they get that of arrival, and the line is counted.
		if f := d.found[d.clock.slot]; f.state == given && len(f.text) > 0 {
			var err error
			if at, err = d.clock.parse(f.text); err != nil {
				bad.Add(d.slots[d.clock.slot], f.text, err)
			}
		} else {
			bad.Add(d.slots[d.clock.slot], nil, errMissing)
		}
	}
	d.samples = d.samples[:0]
	for i := range d.wanted {
		m := &d.wanted[i]
		f := d.found[m.slot]
		switch {
		case f.state == nested:
			bad.Add(d.slots[m.slot], nil, errNested)
			continue
		case f.state == absent && d.strict:
			if m.kind != telemetry.KindText {
				numbers.wanted++
			}
			bad.Add(d.slots[m.slot], nil, errMissing)
			continue
		case f.state == absent:
			continue
		}
		text := trim(f.text)
		v, quality, err := m.value(text)
		if m.kind != telemetry.KindText {
			numbers.add(text, err == nil)
		}
		if err != nil {
			bad.Add(d.slots[m.slot], f.text, err)
			continue
		}
		if d.start == stream.Suspect && d.chance {
			quality = max(quality, telemetry.Uncertain)
		}
		d.samples = append(d.samples, drivers.Sample{Metric: m.name, Value: v, Quality: quality, Time: at})
	}
	if d.strict && numbers.none() {
		d.samples = d.samples[:0] // what stands in the text columns of such a line is no reading either
	}
	r := drivers.Report{Device: d.device, Samples: d.samples}
	switch {
	case !bad.Any() && len(d.samples) > 0:
	case d.headless():
		return
	case bad.Any():
		why := bad // a copy, so that bad costs no allocation where there is none
		r.Err = fmt.Errorf("line %s: %w", stream.Excerpt(line), &why)
	default:
		r.Err = fmt.Errorf("line %s: none of the wanted fields has a value in it", stream.Excerpt(line))
	}
	d.emit(r)
}

func (m *metric) value(text []byte) (v telemetry.Value, q telemetry.Quality, err error) {
	if len(text) == 0 && m.kind != telemetry.KindText {
		return v, q, errEmpty
	}
	switch m.kind {
	case telemetry.KindInt:
		var i int64
		i, err = parseInt(text, m.decimal)
		v = telemetry.Int(i)
	case telemetry.KindBool:
		var b bool
		b, err = parseBool(text)
		v = telemetry.Bool(b)
	case telemetry.KindText:
		m.last = parseText(text, m.last)
		v = telemetry.Text(m.last)
	default:
		var f float64
		f, q, err = parseFloat(text, m.decimal)
		v = telemetry.Float(f)
	}
	return v, q, err
}

// tally counts the numbers of a line.
type tally struct{ wanted, read, excused int }

func (t *tally) add(text []byte, read bool) {
	t.wanted++
	switch {
	case read:
		t.read++
	case len(text) == 0 || missingWord(text):
		t.excused++
	}
}

// none says that a csv line is none of the instrument's readings: numbers are wanted, and where they should be stands something else, and not
// what is printed for a missing one either. Loggers name their columns in such a line at each start; noise is another.
func (t *tally) none() bool { return t.wanted > 0 && t.read == 0 && t.excused == 0 }
