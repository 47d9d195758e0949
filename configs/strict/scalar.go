package strict

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// isPlain reports whether a scalar stands without quotes or block indicator, so that it may be other than text.
func isPlain(n *yaml.Node) bool {
	const marked = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	return n.Kind == yaml.ScalarNode && n.Style&marked == 0
}

func isNull(n *yaml.Node) bool {
	if !isPlain(n) {
		return false
	}
	switch n.Value {
	case "", "~", "null", "Null", "NULL":
		return n.Style&yaml.TaggedStyle == 0
	}
	return false
}

// boolean reads a boolean of the core schema.
func boolean(s string) (value, ok bool) {
	switch s {
	case "true", "True", "TRUE":
		return true, true
	case "false", "False", "FALSE":
		return false, true
	}
	return false, false
}

// isWhole reports whether s is an integer of the core schema: [-+]?[0-9]+, 0o[0-7]+ or 0x[0-9a-fA-F]+.
func isWhole(s string) bool {
	if d, ok := strings.CutPrefix(s, "0o"); ok {
		return only(d, "01234567")
	}
	if d, ok := strings.CutPrefix(s, "0x"); ok {
		return only(d, "0123456789abcdefABCDEF")
	}
	return only(unsigned(s), digits)
}

// isFloat reports whether s is a float of the core schema: [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?, or one of infinity and not-a-number.
func isFloat(s string) bool {
	switch s {
	case ".nan", ".NaN", ".NAN":
		return true
	}
	s = unsigned(s)
	switch s {
	case ".inf", ".Inf", ".INF":
		return true
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		if !only(unsigned(s[i+1:]), digits) {
			return false
		}
		s = s[:i]
	}
	whole, fraction, point := strings.Cut(s, ".")
	if whole == "" {
		return point && only(fraction, digits)
	}
	return only(whole, digits) && (fraction == "" || only(fraction, digits))
}

const digits = "0123456789"

// unsigned returns s without a leading sign.
func unsigned(s string) string {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		return s[1:]
	}
	return s
}

// only reports whether s consists of at least one out of the bytes in set, and nothing else.
func only(s, set string) bool { return s != "" && strings.Trim(s, set) == "" }

// describe says what n is, for "got …".
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a section"
	case yaml.AliasNode:
		return "an alias"
	}
	if isNull(n) {
		return "nothing"
	}
	if isPlain(n) {
		if _, ok := boolean(n.Value); ok {
			return n.Value
		}
		if isWhole(n.Value) || isFloat(n.Value) {
			return fmt.Sprintf("number %.40s", n.Value)
		}
	}
	if len(n.Value) > 40 {
		return fmt.Sprintf("text %.40q…", n.Value)
	}
	return fmt.Sprintf("text %q", n.Value)
}

// wanted says what v takes, for "want …".
func wanted(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number from 0"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list"
	case reflect.Array:
		return fmt.Sprintf("a list of %d values", v.Len())
	case reflect.Map, reflect.Struct:
		return "a section of key: value"
	}
	panic(fmt.Sprintf("strict: no way to read a %s", v.Type()))
}

// setScalar reads a boolean or a number.
func setScalar(n *yaml.Node, v reflect.Value) error {
	s, want := n.Value, wanted(v)
	if !isPlain(n) {
		hint := ""
		if _, ok := boolean(s); ok && v.Kind() == reflect.Bool || v.Kind() != reflect.Bool && (isWhole(s) || isFloat(s)) {
			hint = "; leave out the quotes"
		}
		return fmt.Errorf("want %s, got %s%s", want, describe(n), hint)
	}
	var err error
	switch {
	case v.Kind() == reflect.Bool:
		b, ok := boolean(s)
		if !ok {
			return fmt.Errorf("want true or false, got %s", describe(n))
		}
		v.SetBool(b)
	case isWhole(s):
		err = setWhole(s, v)
	case isFloat(s) && v.CanFloat():
		err = setFloat(s, v)
	default:
		return fmt.Errorf("want %s, got %s", want, describe(n))
	}
	if errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("number %.40s is out of range", s)
	}
	return err
}

func setWhole(s string, v reflect.Value) error {
	if d := unsigned(s); len(d) > 1 && only(d, digits) && d[0] == '0' {
		return fmt.Errorf("number %.40s begins with 0: write it without, or 0o… if it is octal", s)
	}
	base, bare := 10, s
	switch {
	case strings.HasPrefix(s, "0o"):
		base, bare = 8, s[2:]
	case strings.HasPrefix(s, "0x"):
		base, bare = 16, s[2:]
	}
	switch {
	case v.CanFloat():
		if base == 10 {
			return setFloat(s, v)
		}
		n, err := strconv.ParseUint(bare, base, 64)
		v.SetFloat(float64(n))
		return err
	case v.CanUint():
		if strings.HasPrefix(bare, "-") {
			return fmt.Errorf("want a whole number from 0, got number %.40s", s)
		}
		n, err := strconv.ParseUint(strings.TrimPrefix(bare, "+"), base, v.Type().Bits())
		if err == nil {
			v.SetUint(n)
		}
		return err
	}
	n, err := strconv.ParseInt(bare, base, v.Type().Bits())
	if err == nil {
		v.SetInt(n)
	}
	return err
}

func setFloat(s string, v reflect.Value) error {
	switch strings.ToLower(unsigned(s)) {
	case ".nan":
		v.SetFloat(math.NaN())
		return nil
	case ".inf":
		sign := 1
		if s[0] == '-' {
			sign = -1
		}
		v.SetFloat(math.Inf(sign))
		return nil
	}
	f, err := strconv.ParseFloat(s, v.Type().Bits())
	if err == nil {
		v.SetFloat(f)
	}
	return err
}
