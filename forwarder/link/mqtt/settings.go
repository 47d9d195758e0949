package mqtt

import "fieldpost/configs/setting"

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
	// Whose word lets the node forget a reading. Only the gateway's will do: a broker's proves nothing.
	Ack string `yaml:"ack"`
}

// SetDefaults is setting.Defaulter.
func (s *Settings) SetDefaults() { s.Prefix, s.Ack = "fp", "gateway" }

// Check is setting.Checker.
func (s *Settings) Check(problem, warning setting.Problem) {
	setting.Broker{URL: s.URL, Username: s.Username, PasswordFile: s.PasswordFile, CAFile: s.CAFile,
		CertFile: s.CertFile, KeyFile: s.KeyFile, Prefix: s.Prefix}.Check(problem, warning)
	switch s.Ack {
	case "gateway":
	case "broker":
		// A broker's PUBACK proves nothing to a gateway; it is for consumers that read JSON, which this link does not write.
		problem("ack", "ack: broker needs format: json, which this version does not have; leave ack out")
	default:
		problem("ack", "unknown ack %q; want gateway", s.Ack)
	}
}

// Files is setting.Filer.
func (s *Settings) Files() []setting.File {
	return []setting.File{{Path: "password_file", Value: &s.PasswordFile}, {Path: "ca_file", Value: &s.CAFile},
		{Path: "cert_file", Value: &s.CertFile}, {Path: "key_file", Value: &s.KeyFile}}
}
