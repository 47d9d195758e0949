package mqttclient

import "fieldpost/configs/setting"

// Settings is the mqtt section of a source: how the gateway reaches an outside broker.
type Settings struct {
	URL          string `yaml:"url"` // tcp://, ssl://, ws:// or wss://, host and port
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"password_file"`
	CAFile       string `yaml:"ca_file"`   // whom to trust; none: the system's list
	CertFile     string `yaml:"cert_file"` // client certificate, with KeyFile
	KeyFile      string `yaml:"key_file"`
	Prefix       string `yaml:"prefix"` // first level of all topics, default fp
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
