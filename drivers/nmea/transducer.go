package nmea

import (
	"errors"
	"fmt"
	"strings"

	"fieldpost/drivers/stream"
	"fieldpost/telemetry"
)

// transducer says which ones of XDR are meant.
type transducer struct {
	kind byte   // A angle, C temperature, P pressure …; 0: any
	name string // as the instrument writes it; empty with a kind: those without one
}

// parseTransducer reads what stands behind XDR. in a field: a name, or a type, a full stop and a name.
func parseTransducer(s string) (transducer, error) {
	if len(s) >= 2 && s[1] == '.' && s[0] >= 'A' && s[0] <= 'Z' {
		return transducer{kind: s[0], name: s[2:]}, nil
	}
	switch {
	case s == "":
		return transducer{}, errors.New("XDR needs the name of a transducer: XDR.HEEL, or with its type XDR.A.HEEL; XDR.C. is a temperature without a name")
	case strings.ContainsAny(s, ",*$!"):
		return transducer{}, fmt.Errorf("no transducer is named %q", s)
	}
	return transducer{name: s}, nil
}

func (t transducer) is(kind byte, name []byte) bool {
	return t.name == string(name) && (t.kind == 0 || t.kind == kind)
}

var errTwice = errors.New("two transducers have this name; write its type before it, such as XDR.C.0")

// transducers reads XDR: four fields for each (type, value, unit, name), of which the last may be missing.
func (r *reader) transducers(d *decoder, f fields, bad *stream.Trouble) {
	for i := range r.metrics {
		m := &r.metrics[i]
		if !m.from(f[0]) {
			continue
		}
		seen := false
		for at := 1; at+1 < len(f); at += 4 {
			if !m.transducer.is(f.letter(at), f.at(at+3)) {
				continue
			}
			if seen {
				bad.Add(m.field, nil, errTwice)
				break
			}
			seen = true
			n, err := parseDecimal(f.at(at + 1))
			d.take(m, value{number: n, text: f.at(at + 1)}, err, telemetry.Good, bad)
		}
	}
}
