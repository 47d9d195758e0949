package replay

import (
	"fmt"
	"strings"
)

// header says where in a row the fields are.
type header struct{ time, sensor, value int }

// fields returns how many fields a row must have.
func (h header) fields() int { return 1 + max(h.time, h.sensor, h.value) }

// newHeader finds the columns in the header row.
func newHeader(row []string, c Columns) (header, error) {
	var h header
	for _, w := range []struct {
		name string
		at   *int
	}{{c.Time, &h.time}, {c.Sensor, &h.sensor}, {c.Value, &h.value}} {
		*w.at = -1
		for i, name := range row {
			if strings.TrimSpace(name) != w.name {
				continue
			}
			if *w.at >= 0 {
				return h, fmt.Errorf("there are two columns %q", w.name)
			}
			*w.at = i
		}
		if *w.at < 0 {
			return h, fmt.Errorf("there is no column %q; the header has %s. Set columns, or separator", w.name, excerpt(strings.Join(row, ", ")))
		}
	}
	return h, nil
}
