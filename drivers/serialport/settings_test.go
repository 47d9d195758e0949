package serialport_test

import (
	"fmt"
	"strings"
	"testing"

	"fieldpost/configs/setting"
	"fieldpost/drivers/serialport"
)

var _ setting.Checker = serialport.Settings{}

func TestSettingsCheck(t *testing.T) {
	const id = "/dev/serial/by-id/usb-1"
	for _, c := range []struct {
		name      string
		settings  serialport.Settings
		say       string // path: part of the message; "" for nothing
		isWarning bool
	}{
		{"defaults", serialport.Settings{Port: id}, "", false},
		{"all given", serialport.Settings{Port: id, Line: serialport.Line{Baud: 115200, Mode: "7E2"}}, "", false},
		{"lower case", serialport.Settings{Port: id, Line: serialport.Line{Mode: "8n1"}}, "", false},
		{"odd rate", serialport.Settings{Port: id, Line: serialport.Line{Baud: 74880}}, "", false},
		{"no port", serialport.Settings{}, "port: by-id", false},
		{"negative", serialport.Settings{Port: id, Line: serialport.Line{Baud: -9600}}, "baud: -9600 is no rate", false},
		{"too fast", serialport.Settings{Port: id, Line: serialport.Line{Baud: 1e9}}, "baud: 12000000", false},
		{"mark", serialport.Settings{Port: id, Line: serialport.Line{Mode: "8M1"}}, "mode: mark and space parity", false},
		{"space", serialport.Settings{Port: id, Line: serialport.Line{Mode: "7S1"}}, "mode: mark and space parity", false},
		{"one and a half", serialport.Settings{Port: id, Line: serialport.Line{Mode: "5N1.5"}}, "mode: one and a half stop bits", false},
		{"nine bits", serialport.Settings{Port: id, Line: serialport.Line{Mode: "9N1"}}, "mode: 9 data bits", false},
		{"three stop bits", serialport.Settings{Port: id, Line: serialport.Line{Mode: "8N3"}}, "mode: use 1 or 2 stop bits", false},
		{"wrong order", serialport.Settings{Port: id, Line: serialport.Line{Mode: "N81"}}, "mode: such as 8N1", false},
		{"four bits", serialport.Settings{Port: id, Line: serialport.Line{Mode: "4N1"}}, "mode: such as 8N1", false},
		{"short", serialport.Settings{Port: id, Line: serialport.Line{Mode: "8N"}}, "mode: such as 8N1", false},
		{"name that moves", serialport.Settings{Port: "/dev/ttyUSB0"}, "port: may name another device", true},
		{"relative", serialport.Settings{Port: "ttyS0"}, "port: not an absolute path", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var problems, warnings []string
			c.settings.Check(
				func(path, format string, args ...any) {
					problems = append(problems, path+": "+fmt.Sprintf(format, args...))
				},
				func(path, format string, args ...any) {
					warnings = append(warnings, path+": "+fmt.Sprintf(format, args...))
				})
			got, other := problems, warnings
			if c.isWarning {
				got, other = warnings, problems
			}
			if len(other) > 0 {
				t.Errorf("unexpected: %q", other)
			}
			if c.say == "" {
				if len(got) > 0 {
					t.Errorf("got %q; want nothing", got)
				}
				return
			}
			path, part, _ := strings.Cut(c.say, ": ")
			if len(got) != 1 || !strings.HasPrefix(got[0], path+": ") || !strings.Contains(got[0], part) {
				t.Errorf("got %q; want one under %s with %q", got, path, part)
			}
		})
	}
}

func TestLineString(t *testing.T) {
	for _, c := range []struct {
		line serialport.Line
		want string
	}{
		{serialport.Line{}, "9600 8N1"},
		{serialport.Line{Baud: 300, Mode: "7e1"}, "300 7E1"},
	} {
		if got := c.line.String(); got != c.want {
			t.Errorf("%+v: got %q; want %q", c.line, got, c.want)
		}
	}
}
