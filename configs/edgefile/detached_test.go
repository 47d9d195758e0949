package edgefile_test

import (
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

	"fieldpost/configs/edgefile"
	"fieldpost/configs/setting"
	"fieldpost/drivers"
)

// player is a driver whose devices are attached to nothing.
type player struct {
	drivers.Detached `yaml:",inline"`
	File             string `yaml:"file"`
}

func (p *player) Files() []setting.File { return []setting.File{{Path: "file", Value: &p.File}} }

func playerKind() drivers.Kind {
	return drivers.Kind{
		Name:     "player",
		Settings: func() drivers.Settings { return new(player) },
		New: func(bus drivers.Bus, devices []drivers.Device, _ *slog.Logger) (drivers.Driver, error) {
			if len(devices) != 1 || bus != (drivers.Bus{}) {
				return nil, errors.New("a player is alone, on no bus")
			}
			return nil, nil
		},
	}
}

// What is attached to nothing has a line of its own, however many there are, and its name is the line's.
func TestLoadWhatIsAttachedToNothing(t *testing.T) {
	path := write(t, map[string]string{
		"edge.yaml":      "node: n\nbuses: [{name: net, tcp: \"h:1\"}]\n",
		"music":          "x",
		"devices/a.yaml": "device: a\nplayer: {file: ../music}\nmetrics: [{name: x}]\n",
		"devices/b.yaml": "device: b\nplayer: {}\nmetrics: [{name: x}]\n",
		"devices/c.yaml": "device: c\nplain: {bus: net}\nmetrics: [{name: x}]\n",
	})
	config, problems := edgefile.Load(path, append(kinds(), playerKind()))
	if len(problems) > 0 {
		t.Fatalf("problems:\n%s", problems)
	}
	lines := config.Lines()
	if len(lines) != 3 {
		t.Fatalf("%d lines", len(lines))
	}
	if l := lines[0]; l.Bus.Name != "net" || l.Devices[0].Device != "c" {
		t.Errorf("got %+v", l)
	}
	for i, name := range []string{"a", "b"} {
		if l := lines[i+1]; l.Bus != (drivers.Bus{Name: name}) || l.Kind.Name != "player" || len(l.Devices) != 1 || l.Devices[0].Device != name {
			t.Errorf("got %+v", l)
		}
	}
	if got, want := config.Devices[0].Driver.(*player).File, filepath.Join(filepath.Dir(path), "music"); got != want {
		t.Errorf("file is %s, want %s", got, want)
	}

	_, problems = edgefile.LoadDevice(filepath.Join(filepath.Dir(path), "devices", "b.yaml"), append(kinds(), playerKind()))
	if len(problems) > 0 {
		t.Errorf("alone:\n%s", problems)
	}
	path = write(t, map[string]string{
		"edge.yaml":      "node: n\nbuses: [{name: net, tcp: \"h:1\"}]\n",
		"devices/a.yaml": "device: a\nplayer: {bus: net}\nmetrics: [{name: x}]\n",
	})
	_, problems = edgefile.Load(path, append(kinds(), playerKind()))
	dir := filepath.Dir(path)
	want := dir + "/devices/a.yaml:2:10: unknown key \"bus\"; known here: file\n"
	if problems.String() != want {
		t.Errorf("got:\n%swant:\n%s", problems, want)
	}
}
