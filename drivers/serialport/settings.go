package serialport

// SKELETON: fields are fixed, checks to be written.

// Line is how bytes travel on a serial line.
type Line struct {
	Baud int    `yaml:"baud"` // bits per second, default 9600
	Mode string `yaml:"mode"` // data bits, parity, stop bits: 8N1 (default), 7E1, 8E2 …
}

// Settings names a port and its line.
type Settings struct {
	Port string `yaml:"port"` // path, best by /dev/serial/by-id
	Line `yaml:",inline"`
}
