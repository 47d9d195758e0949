package nmea

import (
	"errors"
	"fmt"
	"time"

	"fieldpost/drivers"
	"fieldpost/drivers/stream"
	"fieldpost/telemetry"
)

// decoder is the pure half: stream.Decoder over a framer and the readers of the sentences that are wanted.
type decoder struct {
	device  string
	framer  framer
	strict  bool // a checksum is a must
	readers map[string]*reader
	clock   *clock // nil: the node's time

	fields  fields
	samples []drivers.Sample
	emit    drivers.Emit // of the call under way
}

// reader reads one kind of sentence.
type reader struct {
	*sentence // nil for XDR
	metrics   []metric
	dated     bool // wanted for its date, too
}

func newDecoder(d drivers.Device) (*decoder, error) {
	s, ok := d.Settings.(*Settings)
	if !ok {
		return nil, fmt.Errorf("device %s: settings are %T, not those of nmea", d.Name, d.Settings)
	}
	if len(d.Metrics) == 0 {
		return nil, fmt.Errorf("device %s: an nmea driver needs metrics: which fields it is to read", d.Name)
	}
	dec := &decoder{device: d.Name, strict: s.RequireChecksum, readers: map[string]*reader{}, framer: framer{body: make([]byte, 0, maxSentence)}}
	var problems []error
	for _, name := range s.Sentences {
		if err := checkSentence(name); err != nil {
			problems = append(problems, fmt.Errorf("sentences: %w", err))
		}
	}
	for _, m := range d.Metrics {
		w, err := s.wants(m)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		r := dec.reader(w.sentence)
		r.metrics = append(r.metrics, w)
	}
	switch s.Time {
	case "", TimeNode:
	case TimeInstrument:
		dec.clock = new(clock)
		dec.reader("RMC").dated = true
		dec.reader("ZDA").dated = true
	default:
		problems = append(problems, fmt.Errorf("unknown time %q", s.Time))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("device %s: %w", d.Name, err)
	}
	dec.samples = make([]drivers.Sample, 0, len(d.Metrics))
	return dec, nil
}

// reader returns that of a kind of sentence.
func (d *decoder) reader(name string) *reader {
	r := d.readers[name]
	if r == nil {
		r = &reader{sentence: findSentence(name)}
		d.readers[name] = r
	}
	return r
}

// wants returns the reader of sentences with address a, nil if nobody wants one. The address of a standard sentence is two letters for the talker and three
// for the sentence; P begins those of makers.
func (d *decoder) wants(a []byte) *reader {
	if len(a) != 5 || a[0] == 'P' {
		return nil
	}
	r := d.readers[string(a[2:])]
	if r == nil || r.dated {
		return r
	}
	for i := range r.metrics {
		if r.metrics[i].from(a) {
			return r
		}
	}
	return nil
}

// Begin implements stream.Decoder. However a stream begins, a sentence begins with its $.
func (d *decoder) Begin(stream.Start) {
	d.framer.reset()
	d.forgetDay()
}

// Decode implements drivers.Decoder.
func (d *decoder) Decode(p []byte, emit drivers.Emit) {
	d.emit = emit
	d.framer.feed(p, d)
	d.emit = nil
}

// Flush implements drivers.Decoder. A sentence without a checksum is complete, where that may be.
func (d *decoder) Flush(emit drivers.Emit) {
	d.emit = emit
	if d.strict && d.framer.star == 0 {
		d.framer.stop(errCutShort, d)
	} else {
		d.framer.finish(d)
	}
	d.emit = nil
	d.forgetDay()
}

// Quiet implements stream.Decoder.
func (d *decoder) Quiet() time.Duration {
	if d.clock != nil && d.clock.known {
		return forget
	}
	return 0
}

// End implements stream.Decoder. A sentence under way may have lost digits, and does not count.
func (d *decoder) End(_ bool, emit drivers.Emit) {
	d.emit = emit
	d.framer.stop(errCutShort, d)
	d.emit = nil
	d.forgetDay()
}

func (d *decoder) forgetDay() {
	if d.clock != nil {
		d.clock.known = false
	}
}

// fail reports a sentence of which nothing can be read.
func (d *decoder) fail(b []byte, err error) {
	d.emit(drivers.Report{Device: d.device, Err: fmt.Errorf("sentence %s: %w", stream.Excerpt(b), err)})
}

var errNothing = fmt.Errorf("%d bytes without a sentence of NMEA 0183: is it the right port and baud rate? 4800, 9600 and 38400 are common", maxNoise)

// nothing implements events.
func (d *decoder) nothing() { d.emit(drivers.Report{Device: d.device, Err: errNothing}) }

// broken implements events.
func (d *decoder) broken(b []byte, because error) {
	if d.wants(address(b)) != nil {
		d.fail(b, because)
	}
}

// sentence implements events.
func (d *decoder) sentence(b []byte, star int) {
	r := d.wants(address(b))
	if r == nil {
		return
	}
	end := len(b)
	switch {
	case star > 0:
		if err := verify(b, star); err != nil {
			d.fail(b, err)
			return
		}
		end = star
	case d.strict:
		d.fail(b, errNoChecksum)
		return
	}
	d.fields = d.fields.split(b[1:end])
	d.samples = d.samples[:0]
	var bad stream.Trouble
	if r.sentence == nil {
		r.transducers(d, d.fields, &bad)
	} else {
		r.read(d, d.fields, &bad)
	}
	report := drivers.Report{Device: d.device, Samples: d.samples}
	if bad.Any() {
		why := bad // a copy, so that bad costs no allocation where there is none
		report.Err = fmt.Errorf("sentence %s: %w", stream.Excerpt(b), &why)
	}
	if len(d.samples) > 0 || report.Err != nil {
		d.emit(report)
	}
}

// read takes the samples of all sentences but XDR.
func (r *reader) read(d *decoder, f fields, bad *stream.Trouble) {
	worth := telemetry.Good
	if r.worth != nil {
		worth = r.worth(f)
	}
	var at telemetry.Time
	switch {
	case d.clock == nil || r.time == nil:
	case worth == telemetry.Bad:
		d.clock.known = false // it may come back on another day
	default:
		// A time that cannot be read costs the readings their time, not themselves.
		var place int
		var err error
		if at, place, err = r.time(f, d.clock); err != nil {
			bad.Add(r.name+".time", f.at(place), err)
		}
	}
	for i := range r.metrics {
		m := &r.metrics[i]
		if !m.from(f[0]) {
			continue
		}
		v, err := m.definition.read(f)
		quality := telemetry.Good
		if m.definition.fix {
			quality = worth
		}
		if err != nil && quality == telemetry.Bad {
			continue // what a receiver writes into the fields of a fix that it does not have is its own affair
		}
		d.take(m, v, err, quality, bad)
	}
	for i := range d.samples {
		d.samples[i].Time = at
	}
}

// take makes a sample of what was read for m, or notes why it could not be read.
func (d *decoder) take(m *metric, v value, err error, quality telemetry.Quality, bad *stream.Trouble) {
	if err == errAbsent {
		return
	}
	var sample telemetry.Value
	if err == nil {
		sample, err = m.value(v)
	}
	if err != nil {
		bad.Add(m.field, v.text, err)
		return
	}
	d.samples = append(d.samples, drivers.Sample{Metric: m.name, Value: sample, Quality: quality})
}
