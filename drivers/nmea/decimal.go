package nmea

import "errors"

var (
	errAbsent  = errors.New("the instrument left it empty") // never reported
	errNumber  = errors.New("is not a number")
	errRange   = errors.New("is out of range")
	errInteger = errors.New("is not an integer")
)

// decimal is m × 10^-places. It holds what an instrument sends exactly, and makes one float of it, rounded once.
type decimal struct {
	m      int64
	places int
}

const (
	maxDigits = 15 // a float64 holds any decimal of so many
	maxPlaces = 18
)

var powers = [...]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// parseDecimal reads digits with an optional sign and point. Digits behind the point that a float64 does not hold are left out.
func parseDecimal(b []byte) (decimal, error) {
	if len(b) == 0 {
		return decimal{}, errAbsent
	}
	negative := b[0] == '-'
	if negative || b[0] == '+' {
		b = b[1:]
	}
	var d decimal
	digits, point := 0, false
	for _, c := range b {
		switch {
		case c == '.' && !point:
			point = true
		case c < '0' || c > '9':
			return decimal{}, errNumber
		case d.m >= powers[maxDigits-1] || d.places == maxPlaces:
			if !point {
				return decimal{}, errRange
			}
			digits++
		default:
			d.m = d.m*10 + int64(c-'0')
			digits++
			if point {
				d.places++
			}
		}
	}
	if digits == 0 {
		return decimal{}, errNumber
	}
	if negative {
		d.m = -d.m
	}
	return d, nil
}

// float returns the float64 nearest to d.
func (d decimal) float() float64 { return float64(d.m) / float64(powers[d.places]) }

func (d decimal) integer() (int64, error) {
	if d.m%powers[d.places] != 0 {
		return 0, errInteger
	}
	return d.m / powers[d.places], nil
}

// more is how many places a computed value has beyond those of the one that it was computed from. It is off by at most a twentieth
// of what the last digit sent is worth, so that what was sent can be told from it.
const more = 3

// times returns d × num / den, rounded to more places than d has. Num is below 2e6.
func (d decimal) times(num, den int64) (decimal, error) {
	for d.places > 0 && (max(d.m, -d.m) >= 1e9 || d.places+more > maxPlaces) {
		d = decimal{m: d.m / 10, places: d.places - 1}
	}
	if max(d.m, -d.m) >= 1e9 {
		return decimal{}, errRange
	}
	return decimal{m: divide(d.m*num*powers[more], den), places: d.places + more}, nil
}

// divide rounds to the nearest, halves away from zero.
func divide(a, b int64) int64 {
	if a < 0 {
		return -((-a + b/2) / b)
	}
	return (a + b/2) / b
}
