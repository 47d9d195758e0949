package mqttclient

import "fieldpost/configs/setting"

// Settings is the mqtt section of a source: how the gateway reaches an outside broker.
type Settings struct {
	// The broker's address: tcp:// or ws://, with TLS ssl:// or wss://, such as ssl://gateway.example:8883.
	URL string `yaml:"url"`
	// The user's name. The broker's rights must keep nodes apart, and let this user at all of them.
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
}

// SetDefaults is setting.Defaulter.
func (s *Settings) SetDefaults() { s.Prefix = "fp" }

// Check is setting.Checker.
func (s *Settings) Check(problem, warning setting.Problem) {
	setting.Broker{URL: s.URL, Username: s.Username, PasswordFile: s.PasswordFile, CAFile: s.CAFile,
		CertFile: s.CertFile, KeyFile: s.KeyFile, Prefix: s.Prefix}.Check(problem, warning)
}

// Files is setting.Filer.
func (s *Settings) Files() []setting.File {
	return []setting.File{{Path: "password_file", Value: &s.PasswordFile}, {Path: "ca_file", Value: &s.CAFile},
		{Path: "cert_file", Value: &s.CertFile}, {Path: "key_file", Value: &s.KeyFile}}
}
