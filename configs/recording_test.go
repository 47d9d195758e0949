package configs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fieldpost/configs/edgefile"
	"fieldpost/drivers"
	"fieldpost/drivers/catalogue"
)

// The example's recording is found from the folder of its device file, and every metric is in it.
func TestExampleRecording(t *testing.T) {
	device, problems := edgefile.LoadDevice(filepath.Join("examples", "devices", "house.yaml"), catalogue.Kinds())
	if len(problems) > 0 {
		t.Fatalf("problems:\n%s", problems)
	}
	decoder, err := device.Kind.Decoder(device.ForDriver())
	if err != nil {
		t.Fatal(err)
	}
	recording, err := os.ReadFile(filepath.Join("examples", "recordings", "household_power.csv"))
	if err != nil {
		t.Fatal(err)
	}
	reports := 0
	emit := func(r drivers.Report) {
		var got []string
		for _, s := range r.Samples {
			got = append(got, s.Metric)
		}
		if reports++; r.Err != nil || strings.Join(got, " ") != "power voltage intensity kitchen" {
			t.Errorf("report %d: %v, %v", reports, got, r.Err)
		}
	}
	decoder.Decode(recording, emit)
	decoder.Flush(emit)
	if reports != 70 {
		t.Errorf("%d reports, want one for each of 70 minutes", reports)
	}
}
