package configs_test

import (
	"os"
	"path/filepath"
	"testing"

	"fieldpost/configs/edgefile"
	"fieldpost/drivers/catalogue"
)

// FuzzDevice holds that no device file stops the program, and that one without a problem can be decoded with: what the checks
// let through, the drivers take.
func FuzzDevice(f *testing.F) {
	for _, glob := range []string{"examples/devices/*.yaml", "testdata/edge/*/*/devices/*.yaml"} {
		files, err := filepath.Glob(glob)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			if info, err := os.Stat(file); err != nil || info.IsDir() {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	path := filepath.Join(f.TempDir(), "device.yaml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		device, problems := edgefile.LoadDevice(path, catalogue.Kinds())
		if problems.Failed() {
			return
		}
		if device.Kind.New == nil {
			t.Fatalf("no problem and no driver:\n%s", text)
		}
		if device.Kind.Decoder == nil {
			return // it asks, or makes up
		}
		if _, err := device.Kind.Decoder(device.ForDriver()); err != nil {
			t.Fatalf("no problem, but the driver says: %v", err)
		}
	})
}
