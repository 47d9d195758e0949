package nmea

import (
	"errors"
	"strconv"
	"time"

	"fieldpost/telemetry"
)

var (
	errUnit   = errors.New("has another unit behind it than its own")
	errStatus = errors.New("is neither A nor V")
)

// gnss are the sentences of receivers of GPS and its kin. Field numbers count from the address.
var gnss = []sentence{
	{
		name: "RMC", worth: func(f fields) telemetry.Quality { return max(status(f, 2), mode(f, modeOfRMC(f))) }, time: timeOfRMC,
		fields: []definition{
			{name: "lat", unit: "lat", fix: true, read: latitude(3)},
			{name: "lon", unit: "lon", fix: true, read: longitude(5)},
			{name: "sog", unit: "kn", fix: true, read: plain(7)},
			{name: "sog_ms", unit: "m/s", fix: true, read: first(in{7, 0, 1852, 3600})},
			{name: "cog", unit: "deg", fix: true, read: plain(8)},
			{name: "variation", unit: "deg", fix: true, read: east(10)},
			{name: "valid", class: truth, read: valid(2)},
			{name: "mode", class: word, read: func(f fields) (value, error) { return text(modeOfRMC(f))(f) }},
			{name: "time", unit: "s", fix: true, read: seconds(timeOfRMC)},
		},
	},
	{
		name: "GGA", worth: func(f fields) telemetry.Quality { return quality(f.at(6)) }, time: undated(1),
		fields: []definition{
			{name: "lat", unit: "lat", fix: true, read: latitude(2)},
			{name: "lon", unit: "lon", fix: true, read: longitude(4)},
			{name: "quality", read: plain(6)},
			{name: "valid", class: truth, read: func(f fields) (value, error) {
				d, err := parseDecimal(f.at(6))
				return value{truth: d.m != 0, text: f.at(6)}, err
			}},
			{name: "satellites", unit: "count", read: plain(7)},
			{name: "hdop", unit: "/", fix: true, read: plain(8)},
			{name: "altitude", unit: "m", fix: true, read: first(in{9, 'M', 1, 1})},
			{name: "separation", unit: "m", fix: true, read: first(in{11, 'M', 1, 1})},
			{name: "age", unit: "s", fix: true, read: plain(13)},
		},
	},
	{
		name: "GLL", worth: func(f fields) telemetry.Quality { return max(status(f, 6), mode(f, 7)) }, time: undated(5),
		fields: []definition{
			{name: "lat", unit: "lat", fix: true, read: latitude(1)},
			{name: "lon", unit: "lon", fix: true, read: longitude(3)},
			{name: "valid", class: truth, read: valid(6)},
			{name: "mode", class: word, read: text(7)},
		},
	},
	{
		name: "VTG", worth: func(f fields) telemetry.Quality { return mode(f, 9) },
		fields: []definition{
			{name: "cog", unit: "deg", fix: true, read: first(in{1, 'T', 1, 1})},
			{name: "cog_magnetic", unit: "deg", fix: true, read: first(in{3, 'M', 1, 1})},
			{name: "sog", unit: "kn", fix: true, read: first(in{5, 'N', 1, 1}, in{7, 'K', 1000, 1852})},
			{name: "sog_ms", unit: "m/s", fix: true, read: first(in{5, 'N', 1852, 3600}, in{7, 'K', 1000, 3600})},
			{name: "mode", class: word, read: text(9)},
		},
	},
	{
		name: "ZDA", time: timeOfZDA,
		fields: []definition{{name: "time", unit: "s", read: seconds(timeOfZDA)}},
	},
}

// status is what a fix with the status at i is worth; sentences without one are older than it.
func status(f fields, i int) telemetry.Quality {
	switch {
	case i >= len(f) || f.letter(i) == 'A':
		return telemetry.Good
	case f.letter(i) == 'V':
		return telemetry.Bad
	}
	return telemetry.Uncertain
}

// mode is what a fix with the mode indicator at i is worth; sentences without one are older than NMEA 2.3.
func mode(f fields, i int) telemetry.Quality {
	switch f.letter(i) {
	case 0, 'A', 'D', 'F', 'P', 'R':
		return telemetry.Good
	case 'N':
		return telemetry.Bad
	}
	return telemetry.Uncertain // E estimated, M manual, S simulator, and what may come
}

// modeOfRMC returns the place of the mode. Receivers that do not know the variation may leave out the field of its direction altogether.
func modeOfRMC(f fields) int {
	const direction = 11
	if len(f) == direction+1 {
		switch f.letter(direction) {
		case 0, 'E', 'W':
		default:
			return direction
		}
	}
	return direction + 1
}

// quality is what a fix with the indicator of GGA is worth.
func quality(b []byte) telemetry.Quality {
	switch d, err := parseDecimal(b); {
	case err != nil || d.places > 0:
		return telemetry.Uncertain
	case d.m == 0:
		return telemetry.Bad
	case d.m >= 1 && d.m <= 5:
		return telemetry.Good
	}
	return telemetry.Uncertain // 6 estimated, 7 entered by hand, 8 simulated, and what makers have beyond
}

func timeOfRMC(f fields, c *clock) (telemetry.Time, int, error) {
	if len(f.at(9)) == 0 {
		return undated(1)(f, c)
	}
	begin, err := shortDate(f.at(9))
	if err != nil {
		return 0, 9, err
	}
	return dated(f, begin, c)
}

func timeOfZDA(f fields, c *clock) (telemetry.Time, int, error) {
	if len(f.at(2)) == 0 && len(f.at(3)) == 0 && len(f.at(4)) == 0 {
		return undated(1)(f, c)
	}
	year, err := strconv.Atoi(string(f.at(4)))
	if err != nil || year < firstYear || year > lastYear {
		return 0, 4, errDate
	}
	month, err := strconv.Atoi(string(f.at(3)))
	if err != nil {
		return 0, 3, errDate
	}
	dayOf, err := strconv.Atoi(string(f.at(2)))
	if err != nil {
		return 0, 2, errDate
	}
	begin, err := date(year, month, dayOf)
	if err != nil {
		return 0, 2, err
	}
	return dated(f, begin, c)
}

// dated adds the time of day in field 1 to the beginning of a day.
func dated(f fields, begin telemetry.Time, c *clock) (telemetry.Time, int, error) {
	if len(f.at(1)) == 0 {
		return 0, 0, nil
	}
	t, err := timeOfDay(f.at(1))
	if err != nil {
		return 0, 1, err
	}
	return c.set(begin + t), 0, nil
}

// undated reads the time of day in field i.
func undated(i int) func(fields, *clock) (telemetry.Time, int, error) {
	return func(f fields, c *clock) (telemetry.Time, int, error) {
		if len(f.at(i)) == 0 {
			return 0, 0, nil
		}
		t, err := timeOfDay(f.at(i))
		if err != nil {
			return 0, i, err
		}
		return c.near(t), 0, nil
	}
}

// seconds reads the instant of a sentence that has a date, to the millisecond.
func seconds(instant func(fields, *clock) (telemetry.Time, int, error)) func(fields) (value, error) {
	return func(f fields) (value, error) {
		switch t, at, err := instant(f, new(clock)); {
		case err != nil:
			return value{text: f.at(at)}, err
		case t == 0:
			return value{}, errAbsent
		default:
			return value{number: decimal{m: int64(t) / int64(time.Millisecond), places: 3}}, nil
		}
	}
}
