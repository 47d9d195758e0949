package mqttbroker

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
	"time"
)

// tlsConfig returns the listener's TLS, or nil if the settings ask for none.
func tlsConfig(s Settings) (*tls.Config, error) {
	if s.CertFile == "" {
		return nil, nil
	}
	pair := &keyPair{certFile: s.CertFile, keyFile: s.KeyFile}
	if _, err := pair.get(nil); err != nil {
		return nil, err
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.get}
	if s.ClientCAFile == "" {
		return c, nil
	}
	pem, err := os.ReadFile(s.ClientCAFile)
	if err != nil {
		return nil, fmt.Errorf("read client_ca_file: %w", err)
	}
	c.ClientCAs = x509.NewCertPool()
	if !c.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read client_ca_file %s: no certificate in it; want PEM", s.ClientCAFile)
	}
	c.ClientAuth = tls.RequireAndVerifyClientCert
	if s.UsersFile != "" {
		c.ClientAuth = tls.VerifyClientCertIfGiven // without one, a user's password decides
	}
	return c, nil
}

// keyPair is a certificate that is read again when its file has changed, as tools that renew certificates change it. A new
// one that cannot be used (only one of two files written yet, say) leaves the old one in use.
type keyPair struct {
	certFile, keyFile string

	mu    sync.Mutex
	pair  *tls.Certificate
	stamp time.Time
}

func (k *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	info, err := os.Stat(k.certFile)
	if err == nil && k.pair != nil && info.ModTime().Equal(k.stamp) {
		return k.pair, nil
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.LoadX509KeyPair(k.certFile, k.keyFile)
	}
	switch {
	case err == nil:
		k.pair, k.stamp = &pair, info.ModTime()
	case k.pair == nil:
		return nil, fmt.Errorf("read cert_file %s and key_file %s: %w", k.certFile, k.keyFile, err)
	}
	return k.pair, nil
}
