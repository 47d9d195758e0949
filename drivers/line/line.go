// Package line is the driver for instruments that send lines of text: comma-separated values, JSON, name=value pairs,
// or anything a regular expression can take apart, over a serial line or TCP. It stands between the instrument and the edge's pipeline.
//
// A line ends with LF, CR or both. NUL bytes and a UTF-8 byte order mark at the beginning of a line are left out, empty lines skipped.
// A line longer than max_line is dropped up to its end and counted once. An instrument that sends no line ends
// at all ends its line by being quiet for 900 ms; once a line end was seen, only line ends count.
//
// The first line after a serial port was opened may lack its beginning. If anything is wrong with it, it is dropped and not counted. If it came with the opening
// and parses, which half a csv line or half of what a regular expression wants can do by chance, its values are uncertain.
//
// A line gives one report (each JSON value on it gives one): samples for the fields that could be read, and an error for those
// that could not. A line of which nothing can be read is counted and dropped; nothing in a line ever ends the driver. A csv line that has no number
// where numbers are wanted, but words, names its columns: its texts are dropped with it.
//
// What a field may hold, by the metric's type:
//
//	float    decimal, with exponent if need be. nan and inf (any case, with sign) are themselves, with quality bad
//	integer  a decimal of whole value that fits 64 bits: 21, 21.0 and 2.1e1 are 21, exactly; 21.5 is an error
//	bool     true false 1 0 on off yes no, in any case
//	text     anything, also nothing; bytes in a row that are not UTF-8 become one U+FFFD
//
// Blanks around a field do not count. An empty field of another type than text is an error of that field, and so is a word such as ovf. A name that a
// JSON, keyvalue or regex line does not have, or a JSON null, is no error as long as the line has another: instruments send what has changed.
//
// A line driver reads the whole stream of its bus, so a bus has one device.
package line

import (
	"log/slog"

	"fieldpost/drivers"
	"fieldpost/drivers/stream"
)

// Kind returns the catalogue entry.
func Kind() drivers.Kind {
	return drivers.Kind{
		Name:     "line",
		Settings: func() drivers.Settings { return &Settings{MaxLine: DefaultMaxLine} },
		Address:  func() any { return new(Address) },
		New:      newDriver,
		Decoder: func(d drivers.Device) (drivers.Decoder, error) {
			dec, err := newDecoder(d)
			if err != nil {
				return nil, err // not dec: a nil *decoder is not a nil Decoder
			}
			return dec, nil
		},
	}
}

func newDriver(bus drivers.Bus, devices []drivers.Device, log *slog.Logger) (drivers.Driver, error) {
	return stream.New("line", bus, devices, func(d drivers.Device) (stream.Decoder, error) {
		dec, err := newDecoder(d)
		if err != nil {
			return nil, err // not dec: a nil *decoder is not a nil Decoder
		}
		return dec, nil
	}, log)
}
