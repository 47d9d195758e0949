package gatewayfile_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"fieldpost/configs/gatewayfile"
	"fieldpost/configs/setting"
	"fieldpost/gateway/source/mqttbroker"
	"fieldpost/gateway/source/mqttclient"
	"fieldpost/gateway/store"
)

func TestLoadWithoutAnyFile(t *testing.T) {
	t.Chdir(t.TempDir())
	config, problems := gatewayfile.LoadUsual("", filepath.Join(t.TempDir(), "gateway.yaml"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if !reflect.DeepEqual(config, gatewayfile.Default()) {
		t.Errorf("got %+v", config)
	}
	if config.File != "" || config.Data != "fieldpost-data" || config.HTTP.Listen != "127.0.0.1:8080" {
		t.Errorf("got %+v", config)
	}
	if len(config.Sources) != 1 || *config.Sources[0].MQTTBroker != (mqttbroker.Settings{Listen: "127.0.0.1:1883", Prefix: "fp"}) {
		t.Errorf("got %+v", config.Sources)
	}
	left, err := os.ReadDir(".")
	if err != nil || len(left) > 0 {
		t.Errorf("loading left %v (%v)", left, err)
	}
}

func TestLoadTheUsualFile(t *testing.T) {
	usual := filepath.Join(t.TempDir(), "gateway.yaml")
	if err := os.WriteFile(usual, []byte("data: d\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config, problems := gatewayfile.LoadUsual("", usual)
	if len(problems) > 0 || config.File != usual || config.Data != filepath.Join(filepath.Dir(usual), "d") {
		t.Errorf("got %+v\n%s", config, problems)
	}
}

// A file that was asked for by name must be there.
func TestLoadAMissingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.yaml")
	_, problems := gatewayfile.Load(path)
	if want := path + ":1:1: no such file\n"; problems.String() != want {
		t.Errorf("got %q, want %q", problems, want)
	}
}

func TestLoadFillsTheConfig(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "gateway.yaml")
	for name, text := range map[string]string{"gateway.yaml": `
data: /srv/fieldpost
retention: {max_age: 30d, max_size: 10GiB}
sources:
  - {name: plant, mqtt: {url: "ssl://b:8883", username: u, password_file: pw, prefix: acme/fp}}
  - {name: own, mqtt_broker: {listen: "127.0.0.1:0", users_file: users}}
http: {}
`, "pw": "x", "users": "x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, problems := gatewayfile.Load(path)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := &gatewayfile.Config{
		File: path, Data: "/srv/fieldpost",
		Retention: store.RetentionSettings{MaxAge: setting.Duration(30 * 24 * time.Hour), MaxSize: 10 << 30, BySeries: true}, DenseMemory: 256 << 20,
		Sources: []gatewayfile.Source{
			{Name: "plant", MQTT: &mqttclient.Settings{URL: "ssl://b:8883", Username: "u", PasswordFile: filepath.Join(dir, "pw"), Prefix: "acme/fp"}},
			{Name: "own", MQTTBroker: &mqttbroker.Settings{Listen: "127.0.0.1:0", Prefix: "fp", UsersFile: filepath.Join(dir, "users")}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
