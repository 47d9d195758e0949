// Package nmea is the driver for instruments that speak NMEA 0183, over a serial line or TCP: receivers of GPS and its kin, compasses, logs, echo
// sounders, wind and weather sensors. It stands between the instrument and the edge's pipeline.
//
// A sentence begins with $ or ! and ends with its checksum, or with a line end where it has none. Whatever else is in the stream is left out: TAG
// blocks, UBX and RTCM between sentences, a doubled $. Bytes that are no sentence are counted once in 8192 bytes without any: so a wrong baud rate
// shows. A sentence that no metric reads is skipped, whatever is in it. One that is broken, has a wrong checksum, or has none while
// require_checksum is on, is counted and dropped. Nothing in a stream ever ends the driver.
//
// A metric names the sentence and the field that it reads. Who speaks (the first two letters: GP, GN, II …) does not matter unless the metric says
// talker. Every value has the unit given here; a field that the instrument left empty, as it does with what it does not know, gives no
// reading.
//
//	RMC.lat                    lat   degrees, north is positive
//	RMC.lon                    lon   degrees, east is positive
//	RMC.sog                    kn    speed over ground
//	RMC.sog_ms                 m/s   the same
//	RMC.cog                    deg   course over ground, true
//	RMC.variation              deg   magnetic variation, east is positive
//	RMC.valid                  bool  whether there is a fix
//	RMC.mode                   text  A autonomous, D differential, E estimated, F and R RTK, M manual, N none, P precise, S simulator
//	RMC.time                   s     since 1970, UTC
//	GGA.lat                    lat
//	GGA.lon                    lon
//	GGA.quality                      0 none, 1 GPS, 2 differential, 3 PPS, 4 and 5 RTK, 6 estimated, 7 manual, 8 simulator
//	GGA.valid                  bool  whether there is a fix
//	GGA.satellites             count used
//	GGA.hdop                   /     dilution of precision
//	GGA.altitude               m     above mean sea level
//	GGA.separation             m     of the geoid above the ellipsoid
//	GGA.age                    s     of differential corrections
//	GLL.lat                    lat
//	GLL.lon                    lon
//	GLL.valid                  bool  whether there is a fix
//	GLL.mode                   text  as RMC.mode
//	VTG.cog                    deg   course over ground, true
//	VTG.cog_magnetic           deg   course over ground, magnetic
//	VTG.sog                    kn    speed over ground; out of the km/h where they alone are given
//	VTG.sog_ms                 m/s   the same
//	VTG.mode                   text  as RMC.mode
//	HDT.heading                deg   true
//	HDG.heading                deg   of the compass, magnetic
//	HDG.deviation              deg   of the compass, east is positive
//	HDG.variation              deg   magnetic variation, east is positive
//	MWV.apparent_angle         deg   wind against the bow; of sentences with reference R
//	MWV.apparent_speed         kn    whatever unit the sentence has
//	MWV.apparent_speed_ms      m/s   the same
//	MWV.true_angle             deg   of sentences with reference T
//	MWV.true_speed             kn
//	MWV.true_speed_ms          m/s
//	MWD.direction              deg   where the wind comes from, true
//	MWD.direction_magnetic     deg
//	MWD.speed                  kn    out of the m/s where they alone are given
//	MWD.speed_ms               m/s   out of the knots where they alone are given
//	DBT.depth                  m     below the transducer; out of feet or fathoms where they alone are given
//	DPT.depth                  m     below the transducer
//	DPT.offset                 m     of the transducer: positive to the waterline, negative to the keel
//	DPT.range                  m     the greatest on the scale in use
//	MTW.temperature            Cel   of the water
//	ZDA.time                   s     since 1970, UTC
//	XDR.NAME                         the transducer of that name, in the unit that it sends
//	XDR.T.NAME                       the same, only of type T (A angle, C temperature, H humidity, P pressure …); NAME may be empty
//
// Angles, distances and temperatures have the digits that were sent. What is computed (degrees out of minutes, m/s out of knots) is rounded three decimal
// places behind those that were sent: well below what the instrument tells apart, and without the digits that binary fractions add.
//
// # Quality
//
// What depends on the fix has its worth: bad where the receiver says that there is none (status V, quality 0, mode N), uncertain where it is estimated,
// entered by hand or simulated, or where the receiver does not say. Fields about the fix itself (valid, quality, satellites, mode) are good.
// The positions 36000.0000 and 72000.0000, which stand for none, give no reading; and what cannot be read in a sentence without a fix is no
// error. So a receiver without a view of the sky, which sends little but empty fields, falls silent unless a metric reads GGA.quality, GGA.valid
// or RMC.valid.
//
// # Time
//
// By default readings have the time of arrival. With time: instrument, those of RMC, GGA, GLL and ZDA have the time in the sentence as long as
// there is a fix; others keep that of arrival. GGA and GLL have no date: theirs is the one that puts them nearest to the last time with a date, so
// that midnight may fall between them. Until a date has come, after a fix was lost, and after an hour of silence they have the time of arrival.
// Two-digit years are 1980 to 2079; the leap second 23:59:60 is the instant of the 00:00:00 after it. A receiver too old for its last rollover of
// the GPS week is 1,024 weeks behind: that is one reason why the node's time is the default.
//
// The driver reads the whole stream of its bus, so a bus has one device.
package nmea

import (
	"log/slog"

	"fieldpost/drivers"
	"fieldpost/drivers/stream"
)

// Kind returns the catalogue entry.
func Kind() drivers.Kind {
	return drivers.Kind{
		Name:     "nmea",
		Settings: func() drivers.Settings { return &Settings{RequireChecksum: true, Time: TimeNode} },
		Address:  func() any { return new(Address) },
		New: func(bus drivers.Bus, devices []drivers.Device, log *slog.Logger) (drivers.Driver, error) {
			return stream.New("nmea", bus, devices, makeDecoder, log)
		},
		Decoder: func(d drivers.Device) (drivers.Decoder, error) { return makeDecoder(d) },
	}
}

func makeDecoder(d drivers.Device) (stream.Decoder, error) {
	dec, err := newDecoder(d)
	if err != nil {
		return nil, err // not dec: a nil *decoder is not a nil Decoder
	}
	return dec, nil
}
