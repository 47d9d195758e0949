package configs_test

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fieldpost/configs/edgefile"
	"fieldpost/configs/gatewayfile"
	"fieldpost/configs/strict"
	"fieldpost/drivers/catalogue"
)

var update = flag.Bool("update", false, "write what is said into the corpus; read the difference before it is committed")

func loadEdge(path string) strict.Problems {
	_, problems := edgefile.Load(path, catalogue.Kinds())
	return problems
}

func loadGateway(path string) strict.Problems {
	_, problems := gatewayfile.Load(path)
	return problems
}

// TestCorpus loads testdata/<form>/<good or bad>/<case>/ and compares what is said, word for word and place for place, with
// expect.txt. A good case may have warnings. Loading must not leave a trace on the disk.
func TestCorpus(t *testing.T) {
	for form, load := range map[string]func(string) strict.Problems{"edge": loadEdge, "gateway": loadGateway} {
		for _, good := range []bool{true, false} {
			kind := map[bool]string{true: "good", false: "bad"}[good]
			cases, err := filepath.Glob(filepath.Join("testdata", form, kind, "*"))
			if err != nil || len(cases) == 0 {
				t.Fatalf("no cases of %s, %s: %v", form, kind, err)
			}
			for _, c := range cases {
				t.Run(filepath.Join(form, kind, filepath.Base(c)), func(t *testing.T) {
					expect, err := filepath.Abs(filepath.Join(c, "expect.txt"))
					if err != nil {
						t.Fatal(err)
					}
					enterCopy(t, c)
					before := tree(t)
					problems := load(form + ".yaml")
					if after := tree(t); !slices.Equal(before, after) {
						t.Errorf("loading changed the disk:\nbefore %v\nafter  %v", before, after)
					}
					if problems.Failed() == good {
						t.Errorf("a %s case: Failed is %v", kind, problems.Failed())
					}
					compare(t, expect, problems.String())
				})
			}
		}
	}
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	want, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	if !*update {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
		return
	}
	if got == "" {
		err = os.Remove(file)
	} else {
		err = os.WriteFile(file, []byte(got), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// enterCopy makes a copy of dir the working directory.
func enterCopy(t *testing.T, dir string) {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	t.Chdir(to)
}

// tree lists the working directory with sizes and times of change.
func tree(t *testing.T) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil {
			list = append(list, path+" "+info.Mode().String()+" "+info.ModTime().String())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestExamples holds that what is shipped to begin with has nothing to complain about.
func TestExamples(t *testing.T) {
	enterCopy(t, "examples")
	for _, secret := range []string{"tls/gateway.crt", "tls/gateway.key", "tls/nodes-ca.crt", "tls/plant-ca.crt", "users", "plant-password"} {
		if err := os.MkdirAll(filepath.Dir(secret), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(secret, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	seen := 0
	files, err := filepath.Glob("*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		load := loadEdge
		if strings.HasPrefix(f, "gateway") {
			load = loadGateway
		}
		if problems := load(f); len(problems) > 0 {
			t.Errorf("%s:\n%s", f, problems)
		}
		seen++
	}
	if seen < 3 {
		t.Errorf("only %d examples", seen)
	}
	config, _ := edgefile.Load("edge.yaml", catalogue.Kinds())
	var names []string
	for _, d := range config.Devices {
		names = append(names, d.DeviceSettings.Device)
	}
	if want := []string{"boiler", "gps", "greenhouse", "house", "meter", "scale", "tank", "weather"}; !slices.Equal(names, want) {
		t.Errorf("got devices %v, want %v", names, want)
	}
}

// The lines that the examples' comments show are read as they say.
func TestExampleLines(t *testing.T) {
	for _, c := range []struct{ device, want string }{
		{"boiler", "boiler.temperature=81.5 boiler.pressure=2450"},
		{"weather", "weather.temperature=7.25 weather.humidity=81 weather.gust=3.1 weather.rain=false"},
		{"meter", "meter.power=-412.5 meter.energy=10324.71 meter.voltage=231.2 meter.current=1.9 meter.tariff=T2"},
		{"greenhouse", "greenhouse.soil=41.2 greenhouse.light=1820 greenhouse.pump=true greenhouse.firmware=1.4.2"},
		{"gps", "gps.latitude=48.1173 gps.longitude=11.51666667 gps.speed=6.4306 gps.altitude=545.4 gps.satellites=8 gps.fix=true"},
		{"scale", "scale.weight=12.45 scale.state=ST scale.weight=12.51 scale.state=US"},
	} {
		t.Run(c.device, func(t *testing.T) {
			path := filepath.Join("examples", "devices", c.device+".yaml")
			if got := decodeComment(t, path); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
