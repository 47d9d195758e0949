// Package gatewayfile loads gateway.yaml into a Config and reports everything that is wrong with it at once. It opens no
// listener and no store, and creates nothing on disk.
//
// It stands between the settings structs, which live beside the code that obeys them, and cmd/fieldpost-gateway.
package gatewayfile

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"fieldpost/api"
	"fieldpost/configs/setting"
	"fieldpost/configs/strict"
	"fieldpost/gateway"
	"fieldpost/gateway/source/mqttbroker"
	"fieldpost/gateway/source/mqttclient"
	"fieldpost/gateway/store"
	"fieldpost/telemetry"
	"fieldpost/telemetry/wire"
)

// DefaultPath is where gateway.yaml is looked for if nobody says otherwise.
const DefaultPath = "/etc/fieldpost/gateway.yaml"

// Config is gateway.yaml. Paths in it are absolute or relative to the working directory.
type Config struct {
	File string `yaml:"-"` // that it was loaded from; "": built-in defaults
	// The folder where readings are kept, seen from the folder of this file. It is created for its owner only (0700).
	Data string `yaml:"data"`
	// How long and how much is kept. Left out, everything: when the disk is full the gateway stops confirming, and the edges keep what they have.
	Retention store.RetentionSettings `yaml:"retention"`
	// How much memory is given to links whose frames are dense: some 200 KiB each. A link that finds no room sends plain frames. 0B: all do.
	DenseMemory setting.Size `yaml:"dense_memory"`
	// How readings come in. What stands here replaces the default, which is the built-in broker for this machine only.
	Sources []Source `yaml:"sources"`
	// Dashboard, questions and metrics. What stands here replaces the default whole, so {} means none.
	HTTP api.Settings `yaml:"http,replace"`
}

// Source is one way by which frames come in. Exactly one kind is set.
type Source struct {
	// A word for this source, such as broker: letters, digits, - and _.
	Name string `yaml:"name"`
	// The broker that is built in.
	MQTTBroker *mqttbroker.Settings `yaml:"mqtt_broker,kind"`
	// A broker that is there already, such as a Mosquitto.
	MQTT *mqttclient.Settings `yaml:"mqtt,kind"`
}

// SetDefaults is setting.Defaulter.
func (c *Config) SetDefaults() {
	broker := new(mqttbroker.Settings)
	broker.SetDefaults()
	c.Data = "/var/lib/fieldpost-gateway"
	c.Sources = []Source{{Name: "broker", MQTTBroker: broker}}
	c.HTTP.Listen = "127.0.0.1:8080"
	c.DenseMemory = 256 << 20
}

// Check is setting.Checker.
func (c *Config) Check(problem, warning setting.Problem) {
	if c.Data == "" {
		problem("data", "empty data: where should readings be kept?")
	}
	if len(c.Sources) == 0 {
		warning("sources", "no sources: nothing will arrive")
	}
	var names []string
	listens := make(map[string]string)
	if c.HTTP.Listen != "" {
		listens[c.HTTP.Listen] = "http"
	}
	for i, s := range c.Sources {
		if s.Name != "" && slices.Contains(names, s.Name) {
			problem(setting.Path("sources", i, "name"), "a second source %q", s.Name)
		}
		names = append(names, s.Name)
		if s.MQTTBroker == nil || s.MQTTBroker.Listen == "" {
			continue
		}
		if other, taken := listens[s.MQTTBroker.Listen]; taken && setting.FixedPort(s.MQTTBroker.Listen) {
			problem(setting.Path("sources", i, "mqtt_broker", "listen"), "%s is the address of %s already", s.MQTTBroker.Listen, other)
		}
		listens[s.MQTTBroker.Listen] = "source " + s.Name
	}
}

// Check is setting.Checker.
func (s *Source) Check(problem, _ setting.Problem) {
	if s.Name == "" {
		problem("name", "name is missing: a word for this source, such as broker")
	} else if !wire.ValidLink(s.Name) {
		problem("name", "source name %q: use letters, digits, - and _, at most %d", s.Name, telemetry.MaxName)
	}
}

// Gateway returns what a gateway runs by c, with all its sources. Software and log are the caller's.
func (c *Config) Gateway(software string, log *slog.Logger) gateway.Config {
	out := gateway.Config{Software: software, Data: c.Data, Retention: c.Retention, HTTP: c.HTTP, Dense: int64(c.DenseMemory), Log: log}
	for _, s := range c.Sources {
		switch {
		case s.MQTTBroker != nil:
			b := mqttbroker.New(s.Name, *s.MQTTBroker, log)
			b.TicketFile = filepath.Join(c.Data, "tls-sessions."+s.Name)
			out.Sources = append(out.Sources, b)
		case s.MQTT != nil:
			out.Sources = append(out.Sources, mqttclient.New(s.Name, *s.MQTT, log))
		}
	}
	return out
}

// Default returns what a gateway does that has no file: an embedded broker on 127.0.0.1:1883, HTTP on 127.0.0.1:8080, data
// in fieldpost-data in the working directory.
func Default() *Config {
	c := new(Config)
	c.SetDefaults()
	c.Data = "fieldpost-data"
	return c
}

// Load reads the file at path. If path is "", that is DefaultPath if it exists, and Default if it does not, which Config.File tells.
// The Config is fit to be run only if the problems have not Failed.
func Load(path string) (*Config, strict.Problems) {
	return load(path, DefaultPath)
}

func load(path, usual string) (*Config, strict.Problems) {
	if path == "" {
		if _, err := os.Stat(usual); errors.Is(err, fs.ErrNotExist) {
			return Default(), nil
		}
		path = usual
	}
	c := new(Config)
	doc := strict.Load(path, c)
	doc.ResolveFiles()
	c.File = path
	c.Data = doc.Resolve(c.Data)
	return c, doc.Problems()
}
