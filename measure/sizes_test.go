package measure_test

import (
	"testing"

	"fieldpost/measure"
)

// The promise of plain frames: no more than two bytes a reading at 600, as the geometric mean over the recordings.
func TestSizes(t *testing.T) {
	all, err := measure.Sizes(t.Context(), []int{600})
	if err != nil {
		t.Fatal(err)
	}
	table := measure.SizesTable(all, 600)
	if len(table.Rows) != 6 {
		t.Fatalf("%d rows of five recordings and a mean", len(table.Rows))
	}
	mean := table.Rows[5]
	if mean[1] > "2.00" {
		t.Errorf("plain frames take %s bytes a reading", mean[1])
	}
	for _, s := range all {
		if s.Plain >= s.JSONGzip || s.Plain >= s.SparkGzip {
			t.Errorf("%s: packed text is smaller: %+v", s.Recording, s)
		}
	}
}
