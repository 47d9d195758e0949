package torture

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"fieldpost/faultproxy"
	"fieldpost/internal/child"
)

// world is a schedule under way.
type world struct {
	o         Options
	site      site
	proxies   []*faultproxy.Proxy // one per link of an edge, the last of them the bridge's where there is one
	mangler   *mangler
	units     []*unit
	gateway   *child.Process
	mosquitto *child.Process
	gwLog     *child.Tail
	brokerLog *child.Tail
	ledger    *ledger

	gatewayCopied bool
	disks         []string // small ones, mounted
}

func newWorld(o Options, s shape) (_ *world, err error) {
	w := &world{o: o, site: newSite(o.Dir, o.Seed, s), gwLog: &child.Tail{}, brokerLog: &child.Tail{}, ledger: newLedger()}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	w.mountDisks()
	if w.mangler, err = newMangler(w.site.broker()); err != nil {
		return nil, err
	}
	targets := []string{w.mangler.address(), w.mangler.address()}[:s.links]
	if s.way == bridged {
		targets = append(targets, w.site.gatewayBroker())
	}
	for _, to := range targets {
		p, err := faultproxy.Listen(to)
		if err != nil {
			return nil, err
		}
		w.proxies = append(w.proxies, p)
	}
	if err := w.site.writeGateway(w.proxies[len(w.proxies)-1].Addr()); err != nil {
		return nil, err
	}
	if err := w.startGateway(); err != nil {
		return nil, err
	}
	if err := w.startMosquitto(); err != nil {
		return nil, err
	}
	if err := w.setClock(true, 0); err != nil {
		return nil, err
	}
	u, err := w.newUnit()
	if err != nil {
		return nil, err
	}
	return w, u.start()
}

func (w *world) close() {
	for _, u := range w.units {
		u.proc.Kill()
		u.source.close()
	}
	w.gateway.Kill()
	w.mosquitto.Kill()
	for _, p := range w.proxies {
		_ = p.Close() // no more than a listener that is closed already
	}
	if w.mangler != nil {
		w.mangler.close()
	}
	w.unmountDisks()
	_ = os.WriteFile(filepath.Join(w.o.Dir, "gateway.log"), []byte(w.gwLog.String()), 0o600) // for who wants to know what went wrong
	for _, u := range w.units {
		_ = os.WriteFile(filepath.Join(w.o.Dir, fmt.Sprintf("edge-%d.log", u.n)), []byte(u.log.String()), 0o600)
	}
}

func (w *world) startGateway() (err error) {
	w.gateway, err = child.Start(w.gwLog, w.o.Gateway, "run", "-config", w.site.gatewayConfig())
	return err
}

// startMosquitto starts the broker in between, with nothing of what it may have known before.
func (w *world) startMosquitto() (err error) {
	if w.site.shape.way == embedded {
		return nil
	}
	w.mosquitto, err = child.Start(w.brokerLog, w.o.mosquitto, "-c", w.site.mosquittoConfig())
	return err
}

// alive reports a process that ended by itself.
func (w *world) alive() error {
	if !w.gateway.Running() {
		return fmt.Errorf("the gateway ended by itself; it wrote:\n%s", w.gwLog)
	}
	if w.site.shape.way != embedded && !w.mosquitto.Running() {
		return fmt.Errorf("the broker ended by itself; it wrote:\n%s", w.brokerLog)
	}
	return nil
}

// inspect returns what is in an edge's folder, as an edge without instruments and links finds it in a copy.
func (w *world) inspect(ctx context.Context, folder string) ([]record, error) {
	dir, config := filepath.Join(w.o.Dir, "inspected"), filepath.Join(w.o.Dir, "inspect.yaml")
	if err := copyDir(dir, folder); err != nil {
		return nil, fmt.Errorf("copy an edge's folder: %w", err)
	}
	text := fmt.Sprintf("node: %s\njournal: {dir: %s}\nhttp: {listen: %q}\nhealth: off\ndevices: none/*.yaml\n", nodeName, dir, w.site.readerHTTP())
	if err := write(map[string]string{config: text}); err != nil {
		return nil, err
	}
	log := &child.Tail{}
	p, err := child.Start(log, w.o.Edge, "run", "-config", config)
	if err != nil {
		return nil, err
	}
	defer p.Kill()
	if err := answers(ctx, w.site.readerHTTP(), p); err != nil {
		return nil, fmt.Errorf("read a copy of an edge's folder: %w; it wrote:\n%s", err, log)
	}
	return records(w.site.readerHTTP())
}

// copyDir makes dst a copy of src.
func copyDir(dst, src string) error {
	if err := os.RemoveAll(dst); err != nil {
		return err
	}
	return filepath.WalkDir(src, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dst, strings.TrimPrefix(path, src))
		if d.IsDir() {
			return os.MkdirAll(to, 0o700)
		}
		if !d.Type().IsRegular() {
			return nil // the control socket
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, b, 0o600)
	})
}
