package nmea

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"fieldpost/configs/setting"
	"fieldpost/drivers"
)

// Whose time readings have.
const (
	TimeNode       = "node"
	TimeInstrument = "instrument"
)

// Settings is the nmea section of a device file: a GPS receiver or a ship's instrument that speaks NMEA 0183.
type Settings struct {
	drivers.Attachment `yaml:",inline"`
	// The only sentences that are read, such as [RMC, GGA]. Left out, those that the metrics name.
	Sentences []string `yaml:"sentences"`
	// false takes sentences without a checksum too. One that is wrong never passes.
	RequireChecksum bool `yaml:"require_checksum"`
	// Whose time readings have: node, that of their arrival; or instrument, the instrument's own where a sentence has one.
	Time string `yaml:"time"`
}

// Address is what the driver adds to each metric.
type Address struct {
	// Sentence and field, such as RMC.lat or GGA.altitude; XDR.NAME for a transducer.
	Field string `yaml:"field"`
	// Only of this talker, two letters such as GP or GN. Left out, of any.
	Talker string `yaml:"talker"`
}

// Check implements setting.Checker.
func (s *Settings) Check(problem, warning setting.Problem) {
	s.CheckAttachment(problem, warning)
	for i, name := range s.Sentences {
		if err := checkSentence(name); err != nil {
			problem(setting.Path("sentences", i), "%v", err)
		}
	}
	switch s.Time {
	case "", TimeNode, TimeInstrument:
	default:
		problem("time", "unknown time %q; want node or instrument%s", s.Time, setting.DidYouMean(s.Time, []string{TimeNode, TimeInstrument}))
	}
}

func checkSentence(name string) error {
	names := Sentences()
	if slices.Contains(names, name) {
		return nil
	}
	return fmt.Errorf("unknown sentence %q; want one of %s%s", name, strings.Join(names, ", "), setting.DidYouMean(name, names))
}

// wants returns what a metric reads.
func (s *Settings) wants(m drivers.Metric) (metric, error) {
	none := func(key string, err error) (metric, error) {
		return metric{}, &drivers.MetricError{Metric: m.Name, Key: key, Err: err}
	}
	a, ok := m.Address.(*Address)
	if !ok || a == nil || a.Field == "" {
		return none("field", errors.New("a metric needs the field that it reads: sentence and name, such as RMC.lat or GGA.altitude"))
	}
	if a.Talker != "" && (len(a.Talker) != 2 || !name([]byte(a.Talker))) {
		return none("talker", fmt.Errorf("%q is no talker: want two letters, such as GP", a.Talker))
	}
	of, field, _ := strings.Cut(a.Field, ".")
	if err := checkSentence(of); err != nil {
		return none("field", err)
	}
	if len(s.Sentences) > 0 && !slices.Contains(s.Sentences, of) {
		return none("field", fmt.Errorf("%s is not among the sentences that are read", of))
	}
	w := metric{name: m.Name, kind: m.Kind, sentence: of, field: a.Field, talker: a.Talker}
	if of == xdr {
		var err error
		if w.transducer, err = parseTransducer(field); err != nil {
			return none("field", err)
		}
		w.definition = &definition{class: number}
	} else if w.definition = findDefinition(of, field); w.definition == nil {
		names := fieldNames(of)
		return none("field", fmt.Errorf("%s has no field %q; want one of %s%s", of, field, strings.Join(names, ", "), setting.DidYouMean(field, names)))
	}
	if err := w.checkKind(); err != nil {
		return none("type", err)
	}
	return w, nil
}
