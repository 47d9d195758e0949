package torture

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

func (u *unit) copy() string { return filepath.Join(u.w.o.Dir, fmt.Sprint("edge-copy-", u.n)) }

// save keeps the edge's folder as a power cut at this instant would leave it, were all that was written on the disk.
func (u *unit) save() error {
	if err := u.proc.Frozen(func() error { return copyDir(u.copy(), u.w.site.journal(u.n)) }); err != nil {
		return err
	}
	u.copied = true
	return nil
}

// putBack gives the edge its older folder: what it had committed since is gone, unless the gateway has it, and it runs on from there.
func (u *unit) putBack(ctx context.Context) error {
	if !u.copied {
		return nil
	}
	if err := u.end(ctx, u.kill); err != nil {
		return err
	}
	if err := copyDir(u.w.site.journal(u.n), u.copy()); err != nil {
		return err
	}
	left, err := u.w.inspect(ctx, u.copy())
	if err != nil {
		return err
	}
	u.w.ledger.rolledBack(u.n, left)
	return u.start()
}

// clone puts a copy of the first edge's card into another machine with instruments of its own. Both run on under one name.
func (w *world) clone(ctx context.Context) error {
	if len(w.units) > 1 {
		return nil
	}
	original := w.units[0]
	u, err := w.newUnit()
	if err != nil {
		return err
	}
	if err := original.proc.Frozen(func() error { return copyDir(w.site.journal(u.n), w.site.journal(original.n)) }); err != nil {
		return err
	}
	left, err := w.inspect(ctx, w.site.journal(u.n))
	if err != nil {
		return err
	}
	w.ledger.seen(u.n, left)
	return u.start()
}

func (w *world) gatewayCopy() string { return filepath.Join(w.o.Dir, "gateway-copy") }

// saveGateway keeps the gateway's folder as it is.
func (w *world) saveGateway() error {
	if _, err := os.Stat(w.site.store()); errors.Is(err, fs.ErrNotExist) {
		return nil // it was started just now, and the machine is busy
	}
	if err := w.gateway.Frozen(func() error { return copyDir(w.gatewayCopy(), w.site.store()) }); err != nil {
		return err
	}
	w.gatewayCopied = true
	return nil
}

// putGatewayBack gives the gateway its older folder. What it had acknowledged since the edge must send again.
func (w *world) putGatewayBack() error {
	if !w.gatewayCopied {
		return nil
	}
	w.gateway.Kill()
	if err := copyDir(w.site.store(), w.gatewayCopy()); err != nil {
		return err
	}
	return w.startGateway()
}
