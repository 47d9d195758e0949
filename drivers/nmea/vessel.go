package nmea

import (
	"errors"

	"fieldpost/telemetry"
)

var (
	errNoUnit      = errors.New("has no unit behind it")
	errUnitOfSpeed = errors.New("is no unit of a speed: N knots, M m/s, K km/h, S miles/h")
)

// vessel are the sentences of compasses, sounders, and wind and water sensors.
var vessel = []sentence{
	{
		name:   "HDT",
		fields: []definition{{name: "heading", unit: "deg", read: first(in{1, 'T', 1, 1})}},
	},
	{
		name: "HDG",
		fields: []definition{
			{name: "heading", unit: "deg", read: plain(1)},
			{name: "deviation", unit: "deg", read: east(2)},
			{name: "variation", unit: "deg", read: east(4)},
		},
	},
	{
		name: "MWV", worth: func(f fields) telemetry.Quality { return status(f, 5) },
		fields: []definition{
			{name: "apparent_angle", unit: "deg", fix: true, read: wind('R', plain(1))},
			{name: "apparent_speed", unit: "kn", fix: true, read: wind('R', windSpeed(knots))},
			{name: "apparent_speed_ms", unit: "m/s", fix: true, read: wind('R', windSpeed(metresPerSecond))},
			{name: "true_angle", unit: "deg", fix: true, read: wind('T', plain(1))},
			{name: "true_speed", unit: "kn", fix: true, read: wind('T', windSpeed(knots))},
			{name: "true_speed_ms", unit: "m/s", fix: true, read: wind('T', windSpeed(metresPerSecond))},
		},
	},
	{
		name: "MWD",
		fields: []definition{
			{name: "direction", unit: "deg", read: first(in{1, 'T', 1, 1})},
			{name: "direction_magnetic", unit: "deg", read: first(in{3, 'M', 1, 1})},
			{name: "speed", unit: "kn", read: first(in{5, 'N', 1, 1}, in{7, 'M', 3600, 1852})},
			{name: "speed_ms", unit: "m/s", read: first(in{7, 'M', 1, 1}, in{5, 'N', 1852, 3600})},
		},
	},
	{
		name: "DBT",
		fields: []definition{
			{name: "depth", unit: "m", read: first(in{3, 'M', 1, 1}, in{1, 'F', 3048, 10000}, in{5, 'F', 18288, 10000})},
		},
	},
	{
		name: "DPT",
		fields: []definition{
			{name: "depth", unit: "m", read: plain(1)},
			{name: "offset", unit: "m", read: plain(2)},
			{name: "range", unit: "m", read: plain(3)},
		},
	},
	{
		name:   "MTW",
		fields: []definition{{name: "temperature", unit: "Cel", read: first(in{1, 'C', 1, 1})}},
	},
}

// wind reads what a sentence MWV says of the wind of one reference: relative to the bow (apparent), or true.
func wind(reference byte, read func(fields) (value, error)) func(fields) (value, error) {
	return func(f fields) (value, error) {
		if f.letter(2) != reference {
			return value{}, errAbsent
		}
		return read(f)
	}
}

// knots and metresPerSecond are the ways in which MWV may give its speed.
var (
	knots           = []in{{3, 'N', 1, 1}, {3, 'M', 3600, 1852}, {3, 'K', 1000, 1852}, {3, 'S', 1609344, 1852000}}
	metresPerSecond = []in{{3, 'M', 1, 1}, {3, 'N', 1852, 3600}, {3, 'K', 1000, 3600}, {3, 'S', 44704, 100000}}
)

// windSpeed reads the speed of MWV: the sentence says its unit.
func windSpeed(ways []in) func(fields) (value, error) {
	return func(f fields) (value, error) {
		for _, w := range ways {
			if f.letter(w.at+1) == w.unit {
				return first(w)(f)
			}
		}
		switch {
		case len(f.at(3)) == 0:
			return value{}, errAbsent
		case len(f.at(4)) == 0:
			return value{text: f.at(3)}, errNoUnit
		}
		return value{text: f.at(4)}, errUnitOfSpeed
	}
}
