package pattern

import (
	"math"

	"github.com/expr-lang/expr/vm"

	"fieldpost/telemetry"
)

// values is what is known of a device's metrics.
type values struct {
	metrics []Metric
	env     map[string]any // for the engine; of the last good readings
	known   []bool         // the newest reading has a value
	last    []telemetry.Reading
	ever    []bool // last holds a reading
	machine vm.VM
}

func newValues(metrics []Metric) *values {
	return &values{
		metrics: metrics, env: make(map[string]any, len(metrics)),
		known: make([]bool, len(metrics)), last: make([]telemetry.Reading, len(metrics)), ever: make([]bool, len(metrics)),
	}
}

// set takes the newest reading of metric i. A bad one leaves the last good one in its place.
func (v *values) set(i int, r telemetry.Reading) {
	x, ok := scalar(v.metrics[i].Kind, r)
	v.known[i] = ok
	if ok {
		v.env[v.metrics[i].Name], v.last[i], v.ever[i] = x, r, true
	}
}

// scalar returns the reading's value as expressions see it; ok is false if it has none to go by.
func scalar(k telemetry.Kind, r telemetry.Reading) (x any, ok bool) {
	if r.Quality == telemetry.Bad {
		return nil, false
	}
	got := r.Value.Kind()
	switch k {
	case telemetry.KindBool:
		return r.Value.Bool(), got == k
	case telemetry.KindText:
		return r.Value.Text(), got == k
	}
	f, ok := r.Value.Number()
	return f, ok && got != telemetry.KindBool && !math.IsNaN(f) && !math.IsInf(f, 0)
}
