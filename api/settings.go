package api

import "fieldpost/configs/setting"

// Settings is the http section of an edge's or a gateway's file. No Listen means no HTTP.
type Settings struct {
	// The address to listen on, as host:port. Port 0 lets the system choose one. Left out, there is no HTTP.
	Listen string `yaml:"listen"`
	// Allows to listen beyond this machine. HTTP knows no passwords: whoever reaches it can read everything.
	Insecure bool `yaml:"insecure"`
}

// Check is setting.Checker.
func (s *Settings) Check(problem, _ setting.Problem) {
	if s.Listen == "" {
		if s.Insecure {
			problem("insecure", "insecure without listen says nothing")
		}
		return
	}
	if err := setting.CheckListen(s.Listen); err != nil {
		problem("listen", "%v", err)
		return
	}
	if !setting.Loopback(s.Listen) && !s.Insecure {
		problem("listen", "%s is reachable from other machines without a password; listen on 127.0.0.1 and put a proxy before it, or write insecure: true beside it", s.Listen)
	}
}
