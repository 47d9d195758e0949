package telemetry

import (
	"math"
	"strconv"
)

// Kind is the type of a Value. The numbers are part of the frame format.
type Kind uint8

// The kinds.
const (
	KindFloat Kind = iota
	KindInt
	KindBool
	KindText
	kinds
)

var kindNames = [...]string{"float", "integer", "bool", "text"}

// String returns the kind's name as configs and the API spell it.
func (k Kind) String() string { return name(kindNames[:], uint8(k), "type") }

// Valid reports whether k is one of the four kinds.
func (k Kind) Valid() bool { return k < kinds }

// ParseKind is the inverse of Kind.String.
func ParseKind(s string) (Kind, error) {
	i, err := parseName(kindNames[:], s, "type")
	return Kind(i), err
}

// Value is a float64, int64, bool or text. The zero Value is the float 0. Two Values are the same
// value bit for bit exactly when they are == (so NaN == NaN with the same payload, and 0 != -0).
type Value struct {
	text string
	bits uint64
	kind Kind
}

// Float returns a float64 value; every bit is kept, NaN payloads too.
func Float(f float64) Value { return Value{bits: math.Float64bits(f), kind: KindFloat} }

// Int returns an int64 value.
func Int(i int64) Value { return Value{bits: uint64(i), kind: KindInt} }

// Bool returns a boolean value.
func Bool(b bool) Value {
	if b {
		return Value{bits: 1, kind: KindBool}
	}
	return Value{kind: KindBool}
}

// Text returns a text value. What is not UTF-8 is kept as it is.
func Text(s string) Value { return Value{text: s, kind: KindText} }

// ValueOfBits returns the number or boolean of kind k with the given bits: IEEE 754 for a float,
// two's complement for an integer, 0 or 1 for a boolean (any other number is true). It is the inverse of Bits for codecs.
func ValueOfBits(k Kind, bits uint64) Value {
	switch k {
	case KindBool:
		return Bool(bits != 0)
	case KindText:
		return Value{kind: KindText}
	}
	return Value{bits: bits, kind: k}
}

// Kind returns v's type.
func (v Value) Kind() Kind { return v.kind }

// Bits returns the bits of a float, integer or boolean; 0 for text.
func (v Value) Bits() uint64 { return v.bits }

// Float returns the float64, or 0 if v is none.
func (v Value) Float() float64 {
	if v.kind != KindFloat {
		return 0
	}
	return math.Float64frombits(v.bits)
}

// Int returns the int64, or 0 if v is none.
func (v Value) Int() int64 {
	if v.kind != KindInt {
		return 0
	}
	return int64(v.bits)
}

// Bool returns the boolean, or false if v is none.
func (v Value) Bool() bool { return v.kind == KindBool && v.bits != 0 }

// Text returns the text, or "" if v is none.
func (v Value) Text() string { return v.text }

// Number returns v as a float64 for arithmetic and charts: booleans are 0 and 1, integers beyond
// 2^53 are rounded. ok is false for text.
func (v Value) Number() (f float64, ok bool) {
	switch v.kind {
	case KindFloat:
		return v.Float(), true
	case KindInt:
		return float64(v.Int()), true
	case KindBool:
		return float64(v.bits), true
	}
	return 0, false
}

// String returns v as plain text: shortest decimal that reads back the same, NaN, +Inf, -Inf, true, false, or the text.
func (v Value) String() string {
	if v.kind == KindText {
		return v.text
	}
	return string(v.appendNumber(nil))
}

// Append appends what String returns.
func (v Value) Append(b []byte) []byte {
	if v.kind == KindText {
		return append(b, v.text...)
	}
	return v.appendNumber(b)
}

// AppendJSON appends v as JSON. Integers are exact; not-a-number and the infinities are the strings
// "NaN", "+Inf" and "-Inf"; text that is not UTF-8 gets U+FFFD where it is not.
func (v Value) AppendJSON(b []byte) []byte {
	switch {
	case v.kind == KindText:
		return AppendString(b, v.text)
	case v.kind == KindFloat && (math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0)):
		b = append(b, '"')
		return append(v.appendNumber(b), '"')
	}
	return v.appendNumber(b)
}

// MarshalJSON is AppendJSON for encoding/json.
func (v Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }

func (v Value) appendNumber(b []byte) []byte {
	switch v.kind {
	case KindInt:
		return strconv.AppendInt(b, v.Int(), 10)
	case KindBool:
		return strconv.AppendBool(b, v.bits != 0)
	}
	f := v.Float()
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}
