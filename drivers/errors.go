package drivers

import "fmt"

// MetricError says what is wrong with one metric of a device, so that a check can point at its line. Kind.New and Kind.Decoder
// return it, joined with others of its sort.
type MetricError struct {
	Metric string // its name
	Key    string // the address key at fault, such as field; empty: the metric as a whole
	Err    error
}

// Error names the metric and the key.
func (e *MetricError) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("metric %s: %v", e.Metric, e.Err)
	}
	return fmt.Sprintf("metric %s: %s: %v", e.Metric, e.Key, e.Err)
}

// Unwrap returns Err.
func (e *MetricError) Unwrap() error { return e.Err }
