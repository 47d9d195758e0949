package line_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"fieldpost/configs/setting"
	"fieldpost/drivers"
	"fieldpost/drivers/line"
	"fieldpost/drivers/serialport"
	"fieldpost/telemetry"
)

var _ setting.Checker = (*line.Settings)(nil)

func TestSettingsCheck(t *testing.T) {
	tcp := drivers.Attachment{TCP: "10.0.0.1:4001"}
	for _, c := range []struct {
		name     string
		settings line.Settings
		want     []string // path: part of the message
	}{
		{"csv", line.Settings{Attachment: tcp, Format: line.CSV}, nil},
		{"private port", line.Settings{Attachment: drivers.Attachment{Port: "/dev/x", Line: serialport.Line{Baud: 300, Mode: "7E1"}}, Format: line.KeyValue}, nil},
		{"shared bus", line.Settings{Attachment: drivers.Attachment{Bus: "rs485"}, Format: line.KeyValue}, nil},
		{"all of csv", line.Settings{Attachment: tcp, Format: line.CSV, Separator: "\t", Decimal: ",", MaxLine: 4096, Time: &line.Time{Field: "1", Layout: "02.01.2006 15:04"}}, nil},
		{"regex", line.Settings{Attachment: tcp, Format: line.Regex, Match: `(?P<a>\d+)`}, nil},
		{"nothing", line.Settings{}, []string{": say where the device is attached", "format: format is missing"}},
		{"two ways", line.Settings{Attachment: drivers.Attachment{Port: "/dev/x", TCP: "h:1"}, Format: line.CSV}, []string{"tcp: use port or tcp"}},
		{"rate of tcp", line.Settings{Attachment: drivers.Attachment{TCP: "h:1", Line: serialport.Line{Baud: 9600, Mode: "9X9"}}, Format: line.CSV}, []string{"baud: only a port", "mode: only a port"}},
		{"rate of bus", line.Settings{Attachment: drivers.Attachment{Bus: "b", Line: serialport.Line{Baud: 9600}}, Format: line.CSV}, []string{"baud: only a port"}},
		{"bad mode", line.Settings{Attachment: drivers.Attachment{Port: "/dev/x", Line: serialport.Line{Mode: "8M1"}}, Format: line.CSV}, []string{"mode: mark and space"}},
		{"bad address", line.Settings{Attachment: drivers.Attachment{TCP: "nowhere"}, Format: line.CSV}, []string{"tcp: want host:port"}},
		{"slip", line.Settings{Attachment: tcp, Format: "jsn"}, []string{`format: did you mean "json"?`}},
		{"foreign options", line.Settings{Attachment: tcp, Format: line.JSON, Separator: ";", Decimal: ",", Match: "x"},
			[]string{"separator: only csv", "decimal: decimal point", "match: only regex"}},
		{"decimal", line.Settings{Attachment: tcp, Format: line.CSV, Decimal: ";"}, []string{`decimal: use "." or ","`}},
		{"same marks", line.Settings{Attachment: tcp, Format: line.CSV, Decimal: ",", Separator: ","}, []string{"separator: decimal mark"}},
		{"line end separates", line.Settings{Attachment: tcp, Format: line.CSV, Separator: "\n"}, []string{"separator: line end"}},
		{"quote separates", line.Settings{Attachment: tcp, Format: line.CSV, Separator: `"`}, []string{"separator: quotation mark"}},
		{"no match", line.Settings{Attachment: tcp, Format: line.Regex}, []string{"match: match is missing"}},
		{"bad match", line.Settings{Attachment: tcp, Format: line.Regex, Match: "("}, []string{"match: missing closing )"}},
		{"short lines", line.Settings{Attachment: tcp, Format: line.CSV, MaxLine: 1}, []string{"max_line: 16 to 1048576"}},
		{"negative lines", line.Settings{Attachment: tcp, Format: line.CSV, MaxLine: -1}, []string{"max_line: 16 to 1048576"}},
		{"time without field", line.Settings{Attachment: tcp, Format: line.CSV, Time: &line.Time{}}, []string{"time.field: field is missing"}},
		{"strftime", line.Settings{Attachment: tcp, Format: line.CSV, Time: &line.Time{Field: "1", Layout: "%Y-%m-%d"}}, []string{"time.layout: does not tell year"}},
		{"no date", line.Settings{Attachment: tcp, Format: line.CSV, Time: &line.Time{Field: "1", Layout: "15:04:05"}}, []string{"time.layout: does not tell year"}},
		{"no year", line.Settings{Attachment: tcp, Format: line.CSV, Time: &line.Time{Field: "1", Layout: "Jan _2 15:04:05"}}, []string{"time.layout: does not tell year"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			c.settings.Check(
				func(path, format string, args ...any) { got = append(got, path+": "+fmt.Sprintf(format, args...)) },
				func(path, format string, args ...any) {
					got = append(got, "warning "+path+": "+fmt.Sprintf(format, args...))
				})
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
}

func TestNewRefuses(t *testing.T) {
	metric := func(name, field string) drivers.Metric {
		return drivers.Metric{Name: name, Kind: telemetry.KindFloat, Address: &line.Address{Field: line.Field(field)}}
	}
	device := func(s line.Settings, m ...drivers.Metric) drivers.Device {
		return drivers.Device{Name: "boiler", Settings: &s, Metrics: m}
	}
	good := device(line.Settings{Format: line.CSV}, metric("a", "1"))
	for _, c := range []struct {
		name    string
		devices []drivers.Device
		want    []string
		metrics []string // that errors point at
	}{
		{"no device", nil, []string{"a bus needs a device"}, nil},
		{"two devices", []drivers.Device{good, good}, []string{"one device per port", "rs485"}, nil},
		{"no metrics", []drivers.Device{device(line.Settings{Format: line.CSV})}, []string{"device boiler", "needs metrics"}, nil},
		{"csv without numbers", []drivers.Device{device(line.Settings{Format: line.CSV}, metric("a", ""), metric("b", "x"), metric("c", "0"), metric("d", "10000"), metric("e", "2"))},
			[]string{"metric a: field", "metric b: field", "metric c: field", "metric d: field", "counted from 1"}, []string{"a", "b", "c", "d"}},
		{"json path", []drivers.Device{device(line.Settings{Format: line.JSON}, metric("a", "x..y"), metric("b", "x."), metric("c", ""))},
			[]string{`path "x..y" has an empty part`, `"x."`}, []string{"a", "b"}},
		{"regex group", []drivers.Device{device(line.Settings{Format: line.Regex, Match: `(?P<a>\d)`}, metric("a", ""), metric("b", ""))},
			[]string{`metric b: field: match has no group named "b"`}, []string{"b"}},
		{"regex", []drivers.Device{device(line.Settings{Format: line.Regex, Match: `(`}, metric("a", ""))}, []string{"match: error parsing"}, nil},
		{"format", []drivers.Device{device(line.Settings{Format: "xml"}, metric("a", ""))}, []string{`unknown format "xml"`}, nil},
		{"time", []drivers.Device{device(line.Settings{Format: line.CSV, Time: &line.Time{Field: "x", Layout: "%Y"}}, metric("a", "1"))},
			[]string{"time: layout", `time: field: "x" is not the number`}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := line.Kind().New(drivers.Bus{Name: "rs485", TCP: "h:1"}, c.devices, nil)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q; want %q in it", err, want)
				}
			}
			if got := metricsOf(err); fmt.Sprint(got) != fmt.Sprint(c.metrics) {
				t.Errorf("errors point at metrics %v; want %v", got, c.metrics)
			}
			if len(c.devices) == 1 {
				if dec, err := line.Kind().Decoder(c.devices[0]); err == nil || dec != nil {
					t.Errorf("Decoder: %v, %v; want an error and nothing else", dec, err)
				}
			}
		})
	}
	if _, err := line.Kind().New(drivers.Bus{TCP: "h:1"}, []drivers.Device{good}, nil); err != nil {
		t.Errorf("a good device: %v", err)
	}
}

// metricsOf returns the names in the MetricErrors of err.
func metricsOf(err error) []string {
	if m, ok := err.(*drivers.MetricError); ok {
		return []string{m.Metric}
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var names []string
		for _, e := range joined.Unwrap() {
			names = append(names, metricsOf(e)...)
		}
		return names
	}
	if inner := errors.Unwrap(err); inner != nil {
		return metricsOf(inner)
	}
	return nil
}
