package mqttbroker

import "fieldpost/configs/setting"

// Settings is the mqtt_broker section of a source: the broker that runs inside the gateway.
type Settings struct {
	Listen       string `yaml:"listen"`         // host:port, default 127.0.0.1:1883
	UsersFile    string `yaml:"users_file"`     // who may connect, and as which node
	CertFile     string `yaml:"cert_file"`      // the gateway's certificate, with KeyFile: TLS
	KeyFile      string `yaml:"key_file"`       //
	ClientCAFile string `yaml:"client_ca_file"` // nodes prove themselves with certificates that this CA signed
	Prefix       string `yaml:"prefix"`         // first level of all topics, default fp
	Insecure     bool   `yaml:"insecure"`       // allow Listen beyond loopback without TLS or without users
}

// SetDefaults is setting.Defaulter.
func (s *Settings) SetDefaults() { s.Listen, s.Prefix = "127.0.0.1:1883", "fp" }

// Check is setting.Checker.
func (s *Settings) Check(problem, _ setting.Problem) {
	setting.CheckPair(s.CertFile, s.KeyFile, problem)
	if s.ClientCAFile != "" && s.CertFile == "" {
		problem("client_ca_file", "client_ca_file needs TLS: cert_file and key_file too")
	}
	if err := setting.CheckTopicPrefix(s.Prefix); err != nil {
		problem("prefix", "%v", err)
	}
	if err := setting.CheckListen(s.Listen); err != nil {
		problem("listen", "%v", err)
		return
	}
	if setting.Loopback(s.Listen) || s.Insecure {
		return
	}
	const way = "; listen on 127.0.0.1, add them, or write insecure: true beside it"
	tls, users := s.CertFile != "" && s.KeyFile != "", s.UsersFile != "" || s.ClientCAFile != ""
	switch {
	case !tls && !users:
		problem("listen", "%s is reachable from other machines without TLS (cert_file, key_file) and without users (users_file or client_ca_file)"+way, s.Listen)
	case !tls:
		problem("listen", "%s is reachable from other machines without TLS (cert_file, key_file)"+way, s.Listen)
	case !users:
		problem("listen", "%s is reachable from other machines without users (users_file or client_ca_file)"+way, s.Listen)
	}
}

// Files is setting.Filer.
func (s *Settings) Files() []setting.File {
	return []setting.File{{Path: "users_file", Value: &s.UsersFile}, {Path: "cert_file", Value: &s.CertFile},
		{Path: "key_file", Value: &s.KeyFile}, {Path: "client_ca_file", Value: &s.ClientCAFile}}
}
