package mqttbroker

import "fieldpost/configs/setting"

// Settings is the mqtt_broker section of a source: the broker that runs inside the gateway.
type Settings struct {
	// The address to listen on, as host:port; :8883 is all interfaces. Beyond this machine it takes TLS and users.
	Listen string `yaml:"listen"`
	// A file of nodes and their passwords, as fieldpost-gateway passwd writes it. It is read again when it changes.
	UsersFile string `yaml:"users_file"`
	// A file with the gateway's certificate, PEM. With key_file it switches TLS on.
	CertFile string `yaml:"cert_file"`
	// A file with the key of cert_file, PEM. Only the service's user should be able to read it.
	KeyFile string `yaml:"key_file"`
	// A file with the certificate of the authority that signs nodes, PEM: they prove themselves by a certificate whose common name is the node's name.
	ClientCAFile string `yaml:"client_ca_file"`
	// The first level of all topics, the same at both ends: topics are fp/pi-7/up and so on.
	Prefix string `yaml:"prefix"`
	// Allows to listen beyond this machine without TLS or without users.
	Insecure bool `yaml:"insecure"`
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
