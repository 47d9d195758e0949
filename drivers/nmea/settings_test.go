package nmea_test

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"fieldpost/drivers"
	"fieldpost/drivers/nmea"
	"fieldpost/telemetry"
)

func TestSettingsCheck(t *testing.T) {
	at := drivers.Attachment{TCP: "192.168.1.40:10110"}
	for _, c := range []struct {
		name     string
		settings nmea.Settings
		want     []string // path: part of the message
	}{
		{"least", nmea.Settings{Attachment: at}, nil},
		{"most", nmea.Settings{Attachment: at, Sentences: []string{"RMC", "GGA", "GLL", "VTG", "HDT", "HDG", "MWV", "MWD", "DBT", "DPT", "MTW", "XDR", "ZDA"}, Time: nmea.TimeInstrument}, nil},
		{"not attached", nmea.Settings{}, []string{": say where"}},
		{"sentences", nmea.Settings{Attachment: at, Sentences: []string{"RMC", "rmc", "GPGGA"}}, []string{`sentences[1]: did you mean "RMC"`, `sentences[2]: unknown sentence "GPGGA"`}},
		{"time", nmea.Settings{Attachment: at, Time: "instrumnt"}, []string{`time: did you mean "instrument"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			say := func(path, format string, args ...any) { got = append(got, path+": "+fmt.Sprintf(format, args...)) }
			c.settings.Check(say, say)
			ok := len(got) == len(c.want)
			for i := 0; ok && i < len(got); i++ {
				path, part, _ := strings.Cut(c.want[i], ": ")
				ok = strings.HasPrefix(got[i], path+": ") && strings.Contains(got[i], part)
			}
			if !ok {
				t.Errorf("got %q; want %q", got, c.want)
			}
		})
	}
	s := nmea.Kind().Settings().(*nmea.Settings)
	if !s.RequireChecksum || s.Time != nmea.TimeNode {
		t.Errorf("defaults are %+v", s)
	}
}

func TestNewRefuses(t *testing.T) {
	good := deviceFile{Metrics: []string{"RMC.lat"}}.device(t)
	for _, c := range []struct {
		metric, sentences string
		key, want         string
	}{
		{"RMC.lat:bool", "", "type", "a number; a bool cannot hold it"},
		{"RMC.mode", "", "type", "needs type: text"},
		{"RMC.valid:text", "", "", ""},
		{"RMC.latitude", "", "field", `RMC has no field "latitude"; want one of lat, lon, sog`},
		{"RMC.sogms", "", "field", `did you mean "sog_ms"`},
		{"RMC", "", "field", `RMC has no field ""`},
		{"GSV.lat", "", "field", `unknown sentence "GSV"; want one of RMC, GGA`},
		{"", "", "field", "a metric needs the field"},
		{"XDR", "", "field", "XDR needs the name of a transducer"},
		{"XDR.", "", "field", "XDR needs the name of a transducer"},
		{"XDR.A,B", "", "field", "no transducer is named"},
		{"XDR.C.", "", "", ""},
		{"RMC.lat", "GGA", "field", "RMC is not among the sentences"},
		{"RMC.lat", "rmc", "field", `did you mean "RMC"`},
		{"RMC.lat@G", "", "talker", `"G" is no talker`},
		{"RMC.lat@gp", "", "talker", `"gp" is no talker`},
	} {
		t.Run(c.metric+" "+c.sentences, func(t *testing.T) {
			f := deviceFile{Metrics: []string{c.metric}}
			if c.sentences != "" {
				f.Sentences = []string{c.sentences}
			}
			dec, err := nmea.Kind().Decoder(f.device(t))
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || dec != nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, %v; want %q", dec, err, c.want)
			}
			m, ok := errors.AsType[*drivers.MetricError](err)
			if !ok && c.sentences != "rmc" || ok && (m.Metric != c.metric || m.Key != c.key) {
				t.Errorf("%v points at %+v; want %s of %s", err, m, c.key, c.metric)
			}
		})
	}
	for name, devices := range map[string][]drivers.Device{
		"needs a device": nil, "one device per port": {good, good}, "needs metrics": {{Name: "boat", Settings: &nmea.Settings{}}},
		"not those of nmea": {{Name: "boat", Metrics: good.Metrics}},
	} {
		if _, err := nmea.Kind().New(drivers.Bus{Name: "rs485", TCP: "h:1"}, devices, nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v; want %q", err, name)
		}
	}
}

// The table of the package comment has each field that there is, with a unit that there is.
func TestFieldsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("nmea.go")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, row := range regexp.MustCompile(`(?m)^//\t([A-Z]{3}\.[a-z_]+) *(.*)$`).FindAllStringSubmatch(string(text), -1) {
		documented[row[1]] = row[2]
	}
	for _, f := range nmea.Fields() {
		doc, ok := documented[f.Name]
		unit, _, _ := strings.Cut(doc, " ")
		switch {
		case !ok:
			t.Errorf("%s is not documented", f.Name)
		case f.Unit != "" && (unit != f.Unit || !telemetry.KnownUnit(f.Unit)):
			t.Errorf("%s: unit %q, documented as %q", f.Name, f.Unit, doc)
		case f.Unit == "" && f.Type != "float" && unit != f.Type:
			t.Errorf("%s: type %s, documented as %q", f.Name, f.Type, doc)
		}
		delete(documented, f.Name)
	}
	if len(documented) > 0 {
		t.Errorf("documented, but not there: %v", documented)
	}
}
