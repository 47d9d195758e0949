package setting_test

import (
	"fmt"
	"slices"
	"testing"

	"fieldpost/configs/setting"
)

func TestAddresses(t *testing.T) {
	for s, want := range map[string]struct{ dial, listen, loopback, fixed bool }{
		"127.0.0.1:1883":        {true, true, true, true},
		"127.9.9.9:1883":        {true, true, true, true},
		"[::1]:1883":            {true, true, true, true},
		"localhost:1883":        {true, true, true, true},
		"localhost.evil:1883":   {true, true, false, true},
		"0.0.0.0:1883":          {true, true, false, true},
		":1883":                 {false, true, false, true},
		"[::]:1883":             {true, true, false, true},
		"[::ffff:127.0.0.1]:1":  {true, true, true, true},
		"gateway.example:65535": {true, true, false, true},
		"gateway.example:65536": {false, false, false, true},
		"127.0.0.1:0":           {false, true, true, false},
		"127.0.0.1":             {false, false, false, false},
		"127.0.0.1:mqtt":        {false, false, true, true},
		"":                      {false, false, false, false},
		"::1:1883":              {false, false, false, false},
		"http://a:1":            {false, false, false, false},
	} {
		if got := setting.CheckAddress(s) == nil; got != want.dial {
			t.Errorf("%q can be dialled: %v", s, got)
		}
		if got := setting.CheckListen(s) == nil; got != want.listen {
			t.Errorf("%q can be listened on: %v", s, got)
		}
		if got := setting.Loopback(s); got != want.loopback {
			t.Errorf("%q is loopback: %v", s, got)
		}
		if got := setting.FixedPort(s); got != want.fixed {
			t.Errorf("%q has a fixed port: %v", s, got)
		}
	}
}

func TestBroker(t *testing.T) {
	for name, c := range map[string]struct {
		broker setting.Broker
		want   []string
	}{
		"plain":               {setting.Broker{URL: "tcp://127.0.0.1:1883", Prefix: "fp"}, nil},
		"no port":             {setting.Broker{URL: "ssl://gateway.example", Prefix: "fp"}, nil},
		"web socket":          {setting.Broker{URL: "wss://gateway.example/mqtt", Prefix: "a/b"}, nil},
		"certificates":        {setting.Broker{URL: "ssl://g:8883", CAFile: "a", CertFile: "b", KeyFile: "c", Prefix: "fp"}, nil},
		"password at home":    {setting.Broker{URL: "tcp://localhost", Username: "u", PasswordFile: "p", Prefix: "fp"}, nil},
		"password at home :1": {setting.Broker{URL: "tcp://[::1]:1883", Username: "u", PasswordFile: "p", Prefix: "fp"}, nil},
		"password abroad":     {setting.Broker{URL: "ws://g:80", Username: "u", PasswordFile: "p", Prefix: "fp"}, []string{"warning url"}},
		"nothing":             {setting.Broker{}, []string{"url", "prefix"}},
		"no host":             {setting.Broker{URL: "tcp://:1883", Prefix: "fp"}, []string{"url"}},
		"no scheme":           {setting.Broker{URL: "gateway:1883", Prefix: "fp"}, []string{"url"}},
		"mqtt":                {setting.Broker{URL: "mqtt://gateway:1883", Prefix: "fp"}, []string{"url"}},
		"password inside":     {setting.Broker{URL: "tcp://u:p@gateway:1883", Prefix: "fp"}, []string{"url"}},
		"broken":              {setting.Broker{URL: "tcp://%zz", Prefix: "fp"}, []string{"url"}},
		"key alone":           {setting.Broker{URL: "ssl://g", KeyFile: "k", Prefix: "fp"}, []string{"key_file"}},
		"TLS over tcp":        {setting.Broker{URL: "tcp://g", CAFile: "k", Prefix: "fp"}, []string{"ca_file"}},
		"password alone":      {setting.Broker{URL: "ssl://g", PasswordFile: "k", Prefix: "fp"}, []string{"password_file"}},
		"wildcard":            {setting.Broker{URL: "ssl://g", Prefix: "fp/+"}, []string{"prefix"}},
		"slash":               {setting.Broker{URL: "ssl://g", Prefix: "/fp"}, []string{"prefix"}},
		"broker's own":        {setting.Broker{URL: "ssl://g", Prefix: "$SYS"}, []string{"prefix"}},
	} {
		var got []string
		note := func(kind string) setting.Problem {
			return func(path, format string, args ...any) {
				got = append(got, kind+path)
				if text := fmt.Sprintf(format, args...); text == "" {
					t.Errorf("%s: no message", name)
				}
			}
		}
		c.broker.Check(note(""), note("warning "))
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
