package generator

import (
	"encoding"
	"fmt"
	"reflect"

	"fieldpost/configs/setting"
	"fieldpost/drivers/line"
	"fieldpost/edge/reduce"
	"fieldpost/telemetry/wire"
)

const (
	decimal   = `([0-9]+\.?[0-9]*|\.[0-9]+)`
	durations = `(` + decimal + `(ms|s|m|h|d|w))+`
)

// none is the limit of numbers that may only be 0.
var none = new(float64)

// texts are the types that read a text in a way of their own. Where plain numbers are good too, the limits are for those.
var texts = map[reflect.Type]value{
	reflect.TypeFor[setting.Duration]():      {what: "duration", types: []string{"string", "integer"}, pattern: `^(0|` + durations + `)$`, min: none, max: none},
	reflect.TypeFor[setting.DurationOrOff](): {what: "duration or off", pattern: `^(off|` + durations + `)$`},
	reflect.TypeFor[setting.Size](): {what: "size", types: []string{"string", "integer"}, pattern: `^\s*(0|` + decimal + `\s*(GiB|MiB|KiB|B))\s*$`,
		min: none, max: none},
	reflect.TypeFor[setting.Percent](): {what: "percent", pattern: `^0*(100|[0-9]{1,2})%$`},
	reflect.TypeFor[reduce.Band](): {what: "number or percentage", types: []string{"string", "number"}, min: none,
		pattern: `^[+]?` + decimal + `([eE][+-]?[0-9]+)?\s*%?$`},
	reflect.TypeFor[line.Field]():   {what: "number, path or name", least: 1},
	reflect.TypeFor[wire.StoreID](): {what: "store id", pattern: `^[0-9a-fA-F]{32}$`},
}

// scalar returns what may stand for a type that is neither struct, list nor map; ok is false for those.
func scalar(t reflect.Type) (v value, ok bool) {
	if v, ok := texts[t]; ok {
		return v, true
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		panic(fmt.Sprintf("generator: nobody said which texts %s reads; add it to texts", t))
	}
	switch t.Kind() {
	case reflect.String:
		return value{form: text}, true
	case reflect.Bool:
		return value{form: boolean}, true
	case reflect.Float32, reflect.Float64:
		return value{form: number}, true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return value{form: whole}, true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return value{form: whole, min: none}, true
	}
	return value{}, false
}
