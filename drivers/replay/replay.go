// Package replay is the driver that plays a recording, so that what has happened once can be tried again: on a pattern, on a link, on a dashboard. It
// stands where an instrument and its driver would, in front of the edge's pipeline.
//
// A recording is a csv file with a header row and one value a row:
//
//	ts_ms,sensor,value
//	1423072260000,temperature,23.18
//	1423072260000,humidity,27.272
//
// Columns may have other names and stand in any order beside others; times may be written otherwise: see Settings. Fields may be enclosed in quotation marks, but a
// row is a line. Rows that follow each other and have the same time are one report. Rows are played in the order of the file, whatever their times: what came late, twice or
// out of order when it was recorded does so again. Rows of sensors that no metric names are left out.
//
// Each row is due when as much time has passed since the one before as between their times, divided by speed. One that is not later than the
// row before is due at once. If the pipeline cannot take readings for a while, those that are overdue come one after the other.
//
// A row that cannot be read is reported with its line number, counted and left out. Run fails, and is tried again, if the file cannot be read
// or its header does not name the columns. It begins at the beginning of the file every time. At the end of the recording it begins again
// (loop) or does nothing any more. Memory does not depend on the length of the file.
//
// What a value may be, by the metric's type:
//
//	float    decimal, with exponent if need be; nan and inf are themselves, with quality bad
//	integer  digits with a sign if need be
//	bool     true false 1 0 in any case
//	text     anything
package replay

import (
	"fmt"
	"log/slog"

	"fieldpost/drivers"
)

// Kind returns the catalogue entry.
func Kind() drivers.Kind {
	return drivers.Kind{
		Name:     "replay",
		Settings: func() drivers.Settings { return NewSettings() },
		Address:  func() any { return new(Address) },
		New:      newDriver,
		Decoder: func(d drivers.Device) (drivers.Decoder, error) {
			s, err := settingsOf(d)
			if err != nil {
				return nil, err
			}
			dec, err := newDecoder(d, s)
			if err != nil {
				return nil, err // not dec: a nil *decoder is not a nil Decoder
			}
			return dec, nil
		},
	}
}

func newDriver(_ drivers.Bus, devices []drivers.Device, log *slog.Logger) (drivers.Driver, error) {
	if len(devices) != 1 {
		return nil, fmt.Errorf("replay: %d devices; each has a driver of its own", len(devices))
	}
	s, err := settingsOf(devices[0])
	if err != nil {
		return nil, err
	}
	if s.File == "" {
		return nil, fmt.Errorf("device %s: file is missing: the recording to play", devices[0].Name)
	}
	if _, err := newDecoder(devices[0], s); err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &driver{device: devices[0], settings: *s, log: log}, nil
}

func settingsOf(d drivers.Device) (*Settings, error) {
	s, ok := d.Settings.(*Settings)
	if !ok {
		return nil, fmt.Errorf("device %s: settings are %T, not those of replay", d.Name, d.Settings)
	}
	if len(d.Metrics) == 0 {
		return nil, fmt.Errorf("device %s: a replay needs metrics: which sensors of the recording it is to play", d.Name)
	}
	return s, nil
}
