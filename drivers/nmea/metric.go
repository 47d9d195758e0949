package nmea

import (
	"fmt"

	"fieldpost/telemetry"
)

// metric is one that is wanted.
type metric struct {
	name       string
	kind       telemetry.Kind
	sentence   string
	field      string // as the device file has it
	talker     string // empty: any
	definition *definition
	transducer transducer // of XDR
	last       string     // text
}

// from says whether the metric is read from what a sentence's address says is the talker.
func (m *metric) from(address []byte) bool {
	return m.talker == "" || m.talker == string(address[:2])
}

// checkKind reports why the metric's type cannot hold what its field has.
func (m *metric) checkKind() error {
	switch c := m.definition.class; {
	case c == word && m.kind != telemetry.KindText:
		return fmt.Errorf("%s is a letter; its metric needs type: text", m.field)
	case c == number && m.kind == telemetry.KindBool:
		return fmt.Errorf("%s is a number; a bool cannot hold it", m.field)
	}
	return nil
}

// value makes v one of the metric's type.
func (m *metric) value(v value) (telemetry.Value, error) {
	switch c := m.definition.class; m.kind {
	case telemetry.KindInt:
		if c == truth {
			return telemetry.Int(int64(telemetry.Bool(v.truth).Bits())), nil
		}
		i, err := v.number.integer()
		return telemetry.Int(i), err
	case telemetry.KindBool:
		return telemetry.Bool(v.truth), nil
	case telemetry.KindText:
		switch {
		case c == number:
			return telemetry.Text(telemetry.Float(v.number.float()).String()), nil
		case c == truth:
			return telemetry.Text(telemetry.Bool(v.truth).String()), nil
		case m.last != string(v.text): // states repeat
			m.last = string(v.text)
		}
		return telemetry.Text(m.last), nil
	}
	if c := m.definition.class; c == truth {
		return telemetry.Float(float64(telemetry.Bool(v.truth).Bits())), nil
	}
	return telemetry.Float(v.number.float()), nil
}
