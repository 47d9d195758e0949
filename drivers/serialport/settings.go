package serialport

import (
	"fmt"
	"path/filepath"
	"strings"

	"fieldpost/configs/setting"
)

// What a Line means where it says nothing.
const (
	DefaultBaud = 9600
	DefaultMode = "8N1"
)

// The rates a Line may ask for. Whether a port can do one shows only when it is opened.
const (
	minBaud = 40
	maxBaud = 12_000_000
)

// Line is how bytes travel on a serial line.
type Line struct {
	// Bits per second, from 40 to 12000000, often 9600 or 115200. It must be what the device speaks.
	Baud int `yaml:"baud"`
	// Data bits, parity and stop bits: 8N1, which nearly everything speaks, 7E1, 8E2 and so on.
	Mode string `yaml:"mode"`
}

// Settings names a port and its line.
type Settings struct {
	// The path of the port, best out of /dev/serial/by-id: /dev/ttyUSB0 may be another device tomorrow.
	Port string `yaml:"port"`
	Line `yaml:",inline"`
}

// Check implements setting.Checker.
func (s Settings) Check(problem, warning setting.Problem) {
	if s.Port == "" {
		problem("port", "a serial bus needs the path of its port, best out of /dev/serial/by-id")
	} else {
		CheckPort(s.Port, warning)
	}
	s.CheckLine(problem)
}

// CheckPort warns, under the key port, about a path that may name another device tomorrow.
func CheckPort(path string, warning setting.Problem) {
	switch {
	case !filepath.IsAbs(path):
		warning("port", "%s is not an absolute path: it depends on where the program is started", path)
	case strings.HasPrefix(path, "/dev/ttyUSB"), strings.HasPrefix(path, "/dev/ttyACM"):
		warning("port", "%s may name another device after a replug or a boot; its name in /dev/serial/by-id stays", path)
	}
}

// CheckLine reports what is wrong with l under the keys baud and mode. It is not called Check, so that a struct that
// embeds Line does not become a setting.Checker by accident.
func (l Line) CheckLine(problem setting.Problem) {
	if l.Baud != 0 && (l.Baud < minBaud || l.Baud > maxBaud) {
		problem("baud", "%d is no rate of a serial line; use %d to %d, often 9600 or 115200", l.Baud, minBaud, maxBaud)
	}
	if _, err := l.mode(); err != nil {
		problem("mode", "%v", err)
	}
}

// String returns rate and mode, such as "9600 8N1".
func (l Line) String() string {
	m, err := l.mode()
	if err != nil {
		return fmt.Sprintf("%d %s", l.rate(), l.Mode)
	}
	return fmt.Sprintf("%d %c%c%c", l.rate(), '0'+m.bits, m.parity, '0'+m.stop)
}

func (l Line) rate() int {
	if l.Baud == 0 {
		return DefaultBaud
	}
	return l.Baud
}

// mode is a Line's Mode taken apart.
type mode struct {
	bits   byte // 5 to 8
	parity byte // 'N', 'E' or 'O'
	stop   byte // 1 or 2
}

func (l Line) mode() (mode, error) {
	text := strings.ToUpper(l.Mode)
	if text == "" {
		text = DefaultMode
	}
	if len(text) < 3 || !strings.ContainsRune("56789", rune(text[0])) || !strings.ContainsRune("NEOMS", rune(text[1])) {
		return mode{}, fmt.Errorf("mode %q: write data bits, parity and stop bits, such as 8N1, 7E1 or 8E2", l.Mode)
	}
	switch {
	case text[0] == '9':
		return mode{}, fmt.Errorf("mode %q: 9 data bits are not supported; use 5 to 8", l.Mode)
	case text[1] == 'M' || text[1] == 'S':
		return mode{}, fmt.Errorf("mode %q: mark and space parity are not supported; use N, E or O", l.Mode)
	case text[2:] == "1.5":
		return mode{}, fmt.Errorf("mode %q: one and a half stop bits are not supported; use 1 or 2", l.Mode)
	case text[2:] != "1" && text[2:] != "2":
		return mode{}, fmt.Errorf("mode %q: use 1 or 2 stop bits", l.Mode)
	}
	return mode{bits: text[0] - '0', parity: text[1], stop: text[2] - '0'}, nil
}
