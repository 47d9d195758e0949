package measure

import (
	"fmt"
	"os"
	"path/filepath"

	"fieldpost/internal/testca"
)

// certify makes the certificates that both ends show.
func (s *site) certify() (err error) {
	dir := filepath.Join(s.dir, "pki")
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	defer func() {
		if p, ok := recover().(uncertified); ok {
			err = fmt.Errorf("make certificates: %v", p)
		}
	}()
	ca := testca.New(uncertified{}, dir)
	ca.Issue(uncertified{}, "gateway")
	ca.Issue(uncertified{}, nodeName)
	return nil
}

// uncertified is the testca.T of certify.
type uncertified struct{ reason string }

func (uncertified) Helper() {}

// Fatal does not return.
func (uncertified) Fatal(args ...any) { panic(uncertified{fmt.Sprint(args...)}) }
