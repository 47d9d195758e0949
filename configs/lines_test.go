package configs_test

import (
	"os"
	"strings"
	"testing"

	"fieldpost/configs/edgefile"
	"fieldpost/drivers"
	"fieldpost/drivers/catalogue"
)

// decodeComment feeds the indented comment lines at the top of a device file to its decoder and returns the samples.
func decodeComment(t *testing.T, path string) string {
	t.Helper()
	device, problems := edgefile.LoadDevice(path, catalogue.Kinds())
	if len(problems) > 0 {
		t.Fatalf("problems:\n%s", problems)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := device.Kind.Decoder(device.ForDriver())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	emit := func(r drivers.Report) {
		if r.Err != nil {
			t.Errorf("report: %v", r.Err)
		}
		for _, s := range r.Samples {
			got = append(got, r.Device+"."+s.Metric+"="+s.Value.String())
		}
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if sample, ok := strings.CutPrefix(line, "#     "); ok {
			decoder.Decode([]byte(sample+"\n"), emit)
		}
	}
	decoder.Flush(emit)
	return strings.Join(got, " ")
}
