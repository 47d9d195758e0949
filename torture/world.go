package torture

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fieldpost/faultproxy"
)

// world is a schedule under way.
type world struct {
	o       Options
	site    site
	source  *source
	proxy   *faultproxy.Proxy
	edge    *process
	gateway *process
	edgeLog *tail
	gwLog   *tail
	ledger  *ledger

	copies struct{ edge, gateway string } // the latest, "" if there is none
	disks  []string                       // small ones, mounted
}

func newWorld(o Options) (_ *world, err error) {
	w := &world{o: o, site: newSite(o.Dir, o.Seed), edgeLog: &tail{}, gwLog: &tail{}, ledger: newLedger()}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	w.mountDisks()
	if w.source, err = newSource(w.site.pty(), w.site.instrument()); err != nil {
		return nil, err
	}
	if w.proxy, err = faultproxy.Listen(w.site.broker()); err != nil {
		return nil, err
	}
	if err := w.site.write(w.proxy.Addr(), w.source.tcp.Address()); err != nil {
		return nil, err
	}
	if err := w.startGateway(); err != nil {
		return nil, err
	}
	return w, w.startEdge()
}

func (w *world) close() {
	w.edge.kill()
	w.gateway.kill()
	if w.proxy != nil {
		w.proxy.Close()
	}
	if w.source != nil {
		w.source.close()
	}
	w.unmountDisks()
}

func (w *world) startGateway() (err error) {
	w.gateway, err = start(w.o.Gateway, w.gwLog, "run", "-config", w.site.gatewayConfig())
	return err
}

// startEdge starts the edge and has the instruments tell once it listens to both.
func (w *world) startEdge() (err error) {
	if err := w.source.tcp.Unplug(); err != nil { // forgets the connection of the process before
		return err
	}
	if err := w.source.tcp.Plug(); err != nil {
		return err
	}
	if w.edge, err = start(w.o.Edge, w.edgeLog, "run", "-config", w.site.edgeConfig()); err != nil {
		return err
	}
	select {
	case <-w.source.tcp.Connected():
	case <-w.edge.exited:
		return fmt.Errorf("the edge ended by itself; it wrote:\n%s", w.edgeLog)
	case <-time.After(time.Minute):
		return fmt.Errorf("the edge did not connect to its instrument; it wrote:\n%s", w.edgeLog)
	}
	w.source.pause(false)
	return nil
}

// endEdge ends the edge as end does, and notes what it had on its disk: what it showed while it ran, which is what had been committed by then, and what
// its folder holds afterwards.
func (w *world) endEdge(ctx context.Context, end func() error) error {
	if shown, err := readings(w.site.edgeHTTP()); err == nil { // it may not answer yet
		w.ledger.seen(shown)
	}
	w.source.pause(true)
	if err := end(); err != nil {
		return err
	}
	return w.inspect(ctx)
}

// inspect reads a copy of the edge's folder by an edge that has no instruments and no link, and notes what is in it.
func (w *world) inspect(ctx context.Context) error {
	dir := filepath.Join(w.o.Dir, "inspected")
	if err := copyDir(dir, w.site.journal()); err != nil {
		return fmt.Errorf("copy the edge's folder: %w", err)
	}
	got, err := w.read(ctx, dir)
	if err != nil {
		return err
	}
	w.ledger.seen(got)
	return nil
}

// read returns what is in the copy of an edge's folder.
func (w *world) read(ctx context.Context, dir string) ([]reading, error) {
	config := filepath.Join(w.o.Dir, "inspect.yaml")
	text := fmt.Sprintf("node: %s\njournal: {dir: %s}\nhttp: {listen: %q}\nhealth: off\ndevices: none/*.yaml\n", nodeName, dir, w.site.readerHTTP())
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	log := &tail{}
	p, err := start(w.o.Edge, log, "run", "-config", config)
	if err != nil {
		return nil, err
	}
	defer p.kill()
	if err := answers(ctx, w.site.readerHTTP(), p); err != nil {
		return nil, fmt.Errorf("read a copy of the edge's folder: %w; it wrote:\n%s", err, log)
	}
	return readings(w.site.readerHTTP())
}

// answers waits until the process answers.
func answers(ctx context.Context, address string, p *process) error {
	return await(ctx, "an answer", time.Minute, func() (bool, error) {
		if !p.running() {
			return false, errors.New("it ended by itself")
		}
		resp, err := http.Get("http://" + address + "/healthz")
		if err != nil {
			return false, nil
		}
		return true, resp.Body.Close()
	})
}

// await looks again and again until ok holds.
func await(ctx context.Context, what string, limit time.Duration, ok func() (bool, error)) error {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if done, err := ok(); err != nil || done {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return fmt.Errorf("waited %v in vain for %s", limit, what)
		case <-tick.C:
		}
	}
}

// pass lets time go by.
func pass(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
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
