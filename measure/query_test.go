package measure_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"fieldpost/measure"
)

// The command is asked, for it makes the store.
func TestQuery(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), filepath.Join(binaries(t), "fieldpost-bench"), "query", "-days", "1", "-metrics", "200", "-asked", "2", "-dir", t.TempDir(), "-json")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var r measure.QueryReport
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%+v", r)
	if len(r.Questions) != 4 || r.Journal <= 0 || r.Blocks <= 0 {
		t.Errorf("something was not measured: %+v", r)
	}
	for _, q := range r.Questions {
		if q.Cold.Number != 2 || q.Warm.Number != 2 || q.Without.Number == 0 {
			t.Errorf("%s was not asked: %+v", q.Name, q)
		}
	}
}
