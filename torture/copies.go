package torture

import (
	"context"
	"path/filepath"
)

// copyEdge keeps the edge's folder as a power cut at this instant would leave it, were all that was written on the disk.
func (w *world) copyEdge() error {
	to := filepath.Join(w.o.Dir, "edge-copy")
	if err := w.edge.frozen(func() error { return copyDir(to, w.site.journal()) }); err != nil {
		return err
	}
	w.copies.edge = to
	return nil
}

// putEdgeBack gives the edge its older folder: what it had committed since is gone, unless the gateway has it, and it runs on from there.
func (w *world) putEdgeBack(ctx context.Context) error {
	if w.copies.edge == "" {
		return nil
	}
	if err := w.endEdge(ctx, func() error { w.edge.kill(); return nil }); err != nil {
		return err
	}
	if err := copyDir(w.site.journal(), w.copies.edge); err != nil {
		return err
	}
	aside := filepath.Join(w.o.Dir, "inspected")
	if err := copyDir(aside, w.copies.edge); err != nil {
		return err
	}
	left, err := w.read(ctx, aside)
	if err != nil {
		return err
	}
	w.ledger.rolledBack(left)
	return w.startEdge()
}

// copyGateway keeps the gateway's folder as it is.
func (w *world) copyGateway() error {
	to := filepath.Join(w.o.Dir, "gateway-copy")
	if err := w.gateway.frozen(func() error { return copyDir(to, w.site.store()) }); err != nil {
		return err
	}
	w.copies.gateway = to
	return nil
}

// putGatewayBack gives the gateway its older folder. What it had acknowledged since the edge must send again.
func (w *world) putGatewayBack() error {
	if w.copies.gateway == "" {
		return nil
	}
	w.gateway.kill()
	if err := copyDir(w.site.store(), w.copies.gateway); err != nil {
		return err
	}
	return w.startGateway()
}
