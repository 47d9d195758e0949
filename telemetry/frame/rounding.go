package frame

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Rounding is what an operator allows a series' floats to lose on a link where bytes are dear: dense frames round them, plain ones never do. The zero Rounding allows nothing.
// Numbers that are not finite, and values of other kinds, stay as they are.
type Rounding struct {
	Resolution float64 `json:"resolution,omitempty"` // above 0: values may be rounded to the nearest multiple of it
	MaxError   float64 `json:"maxError,omitempty"`   // above 0: values may be off by this much, in the series' unit
	Relative   bool    `json:"relative,omitempty"`   // MaxError is a fraction of the value's magnitude
}

// The forms of a rounding in a table. The numbers are part of the format.
const (
	roundingResolution = 1
	roundingAbsolute   = 2
	roundingRelative   = 3
)

// form returns how r is written, 0 for the zero Rounding.
func (r Rounding) form() (form byte, value float64) {
	switch {
	case r.Resolution != 0:
		return roundingResolution, r.Resolution
	case r.MaxError != 0 && r.Relative:
		return roundingRelative, r.MaxError
	case r.MaxError != 0:
		return roundingAbsolute, r.MaxError
	}
	return 0, 0
}

// check reports what cannot be: both at once, or no finite number above 0, or an error of the whole value.
func (r Rounding) check() error {
	form, value := r.form()
	switch {
	case form == 0 && r.Relative, r.Resolution != 0 && (r.MaxError != 0 || r.Relative):
		return fmt.Errorf("rounding both to a resolution and by an error")
	case form != 0 && !(value > 0 && value <= math.MaxFloat64), form == roundingRelative && value >= 1:
		return fmt.Errorf("rounding by %v", value)
	}
	return nil
}

func (r Rounding) append(b []byte) []byte {
	form, value := r.form()
	return binary.LittleEndian.AppendUint64(append(b, form), math.Float64bits(value))
}

func (r *reader) rounding() (out Rounding) {
	form := r.Byte()
	value := math.Float64frombits(r.Uint64())
	switch form {
	case roundingResolution:
		out.Resolution = value
	case roundingAbsolute, roundingRelative:
		out.MaxError, out.Relative = value, form == roundingRelative
	default:
		r.Fail("rounding of form %d", form)
	}
	return out
}
