package nmea

import "errors"

var (
	errHemisphere = errors.New("has no direction beside it, or an unknown one")
	errPosition   = errors.New("is not degrees and minutes")
)

// maxPlacesOfMinutes is below a hundredth of a millimetre.
const maxPlacesOfMinutes = 9

// angle reads degrees and minutes ([d]ddmm.mmmm) of a position as decimal degrees, with three more places than the minutes have. The direction
// says the sign; limit is the greatest number of degrees.
func angle(b []byte, direction, positive, negative byte, limit int64) (decimal, error) {
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		return decimal{}, errPosition
	}
	d, err := parseDecimal(b)
	if err != nil {
		return decimal{}, err
	}
	for d.places > maxPlacesOfMinutes {
		d = decimal{m: d.m / 10, places: d.places - 1}
	}
	minute := powers[d.places]
	switch d.m {
	case 36000 * minute, 72000 * minute: // "no position", of receivers with a SiRF chip
		return decimal{}, errAbsent
	}
	degrees, rest := d.m/(100*minute), d.m%(100*minute)
	if rest >= 60*minute {
		return decimal{}, errPosition
	}
	if degrees > limit || degrees == limit && rest > 0 {
		return decimal{}, errRange
	}
	d = decimal{m: divide((degrees*60*minute+rest)*powers[more], 60), places: d.places + more}
	switch direction {
	case positive:
		return d, nil
	case negative:
		return decimal{m: -d.m, places: d.places}, nil
	}
	return decimal{}, errHemisphere
}
