package mqtt

import (
	"time"

	"fieldpost/configs/setting"
	"fieldpost/forwarder/foreign"
)

// Settings is the mqtt section of a link: how a node reaches its gateway over MQTT.
type Settings struct {
	// The broker's address: tcp:// or ws://, with TLS ssl:// or wss://, such as ssl://gateway.example:8883.
	URL string `yaml:"url"`
	// The user's name. With the gateway's own broker it is the node's name.
	Username string `yaml:"username"`
	// A file that holds the password, in one line. Only the service's user should be able to read it.
	PasswordFile string `yaml:"password_file"`
	// A file with the certificates of whom to trust, PEM. Left out, those that the system trusts.
	CAFile string `yaml:"ca_file"`
	// A file with a client certificate of its own, PEM. It goes with key_file.
	CertFile string `yaml:"cert_file"`
	// A file with the key of cert_file, PEM. Only the service's user should be able to read it.
	KeyFile string `yaml:"key_file"`
	// The first level of all topics, the same at both ends: topics are fp/pi-7/up and so on.
	Prefix string `yaml:"prefix"`
	// How long nothing may be said before the node asks whether the connection still stands, 15s to 30m; once and a half of it later the gateway takes a
	// node that says nothing for offline. It grows shorter by itself where the path forgets silent connections sooner.
	Keepalive setting.Duration `yaml:"keepalive"`
	// Whose word lets the node forget a reading. gateway: a Fieldpost gateway's, once it is on its disk. broker: for consumers that are no gateway; the
	// broker's PUBACK is taken for proof, and readings arrive at least once, as far as the broker keeps its word.
	Ack string `yaml:"ack"`
	// With ack: broker, how records are written: json, an object for each, or senml (RFC 8428).
	Format string `yaml:"format"`
	// With ack: broker, the topic, with {node}, {kind} (readings or events), {lane}, {device} and {metric} (of an event, its pattern) for what differs.
	// Left out, <prefix>/{node}/{kind}/{device}/{metric}.
	Topic string `yaml:"topic"`
}

// SetDefaults is setting.Defaulter.
func (s *Settings) SetDefaults() { s.Prefix, s.Ack, s.Keepalive = "fp", "gateway", defaultKeepalive }

// While something is under way the forwarder's own watchdog is quicker. A node that reports each minute never asks.
const (
	defaultKeepalive = setting.Duration(time.Minute)
	longestKeepalive = setting.Duration(30 * time.Minute)
)

// Check is setting.Checker.
func (s *Settings) Check(problem, warning setting.Problem) {
	setting.Broker{URL: s.URL, Username: s.Username, PasswordFile: s.PasswordFile, CAFile: s.CAFile,
		CertFile: s.CertFile, KeyFile: s.KeyFile, Prefix: s.Prefix}.Check(problem, warning)
	if s.Keepalive < setting.Duration(shortestSilence) || s.Keepalive > longestKeepalive {
		problem("keepalive", "%v is not between %v and %v", s.Keepalive, setting.Duration(shortestSilence), longestKeepalive)
	}
	switch s.Ack {
	case "gateway":
		if s.Format != "" {
			problem("format", "format goes with ack: broker; what goes to a gateway has a form of its own")
		}
		if s.Topic != "" {
			problem("topic", "topic goes with ack: broker; what goes to a gateway has topics of its own, which begin with prefix")
		}
	case "broker":
		if f := foreign.Format(s.Format); f != foreign.JSON && f != foreign.SenML {
			problem("format", "format %q: ack: broker is for consumers that are no gateway, and needs format: json or senml", s.Format)
		}
		if s.Topic != "" {
			if err := foreign.Topic(s.Topic).Check(); err != nil {
				problem("topic", "%v", err)
			}
		}
	default:
		problem("ack", "unknown ack %q; want gateway or broker", s.Ack)
	}
}

// Foreign returns how records are written for consumers that are no gateway; ok is false where there is one.
func (s *Settings) Foreign(node string) (e foreign.Encoder, ok bool) {
	if s.Ack != "broker" {
		return e, false
	}
	topic := s.Topic
	if topic == "" {
		topic = s.Prefix + "/{node}/{kind}/{device}/{metric}"
	}
	return foreign.Encoder{Format: foreign.Format(s.Format), Topic: foreign.Topic(topic), Node: node}, true
}

// Files is setting.Filer.
func (s *Settings) Files() []setting.File {
	return []setting.File{{Path: "password_file", Value: &s.PasswordFile}, {Path: "ca_file", Value: &s.CAFile},
		{Path: "cert_file", Value: &s.CertFile}, {Path: "key_file", Value: &s.KeyFile}}
}
