package torture

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"fieldpost/internal/child"
)

// unit is one edge with its instruments: the first, or one that a clone of its card was put into.
type unit struct {
	w      *world
	n      int
	source *source
	log    *child.Tail
	proc   *child.Process
	copied bool // there is a copy of its folder
}

// base is what a unit's numbers begin above. All have as many digits, so that a line that lost its beginning is told from a whole one.
func base(unit int) int { return (unit + 1) * 1_000_000_000 }

// whole reports whether a number came with its beginning: the first line after a port was opened may not have.
func whole(n int) bool { return n > base(0) }

func (w *world) newUnit() (*unit, error) {
	u := &unit{w: w, n: len(w.units), log: &child.Tail{}}
	var err error
	if u.source, err = newSource(w.site.pty(u.n), w.site.instrument(u.n), base(u.n), w.site.shape.small); err != nil {
		return nil, err
	}
	var links []string
	for _, p := range w.proxies[:w.site.shape.links] {
		links = append(links, p.Addr())
	}
	if err := w.site.writeEdge(u.n, links); err != nil {
		u.source.close()
		return nil, err
	}
	w.units = append(w.units, u)
	return u, nil
}

// start starts the edge and has its instruments tell once it listens to both.
func (u *unit) start() (err error) {
	u.source.tcp.HangUp() // forgets the connection of the process before
	s := u.w.site
	command := []string{u.w.o.Edge, "run", "-config", s.edgeConfig(u.n)}
	if !s.shape.plain() {
		command = []string{u.w.o.Bench, "edge", "-config", s.edgeConfig(u.n)}
		if s.shape.clocks {
			command = append(command, "-clock", s.clock())
		}
		if s.shape.small {
			command = append(command, "-segment", "64KiB", "-room", "640KiB")
		}
	}
	if u.proc, err = child.Start(u.log, command...); err != nil {
		return err
	}
	select {
	case <-u.source.tcp.Connected():
	case <-u.proc.Exited():
		return fmt.Errorf("edge %d ended by itself; it wrote:\n%s", u.n, u.log)
	case <-time.After(time.Minute):
		return fmt.Errorf("edge %d did not connect to its instrument; it wrote:\n%s", u.n, u.log)
	}
	u.source.pause(false)
	return nil
}

// end ends the edge as how does, and notes what it had on its disk: what it showed while it ran, which is what had been committed by then, and what
// its folder holds afterwards.
func (u *unit) end(ctx context.Context, how func() error) error {
	if shown, err := records(u.w.site.edgeHTTP(u.n)); err == nil { // it may not answer yet
		u.w.ledger.seen(u.n, shown)
	}
	u.source.pause(true)
	if err := how(); err != nil {
		return err
	}
	got, err := u.w.inspect(ctx, u.w.site.journal(u.n))
	if err != nil {
		return err
	}
	u.w.ledger.seen(u.n, got)
	return nil
}

func (u *unit) restart(ctx context.Context, how func() error) error {
	if err := u.end(ctx, how); err != nil {
		return err
	}
	return u.start()
}

func (u *unit) kill() error { u.proc.Kill(); return nil }
func (u *unit) stop() error { return u.proc.Stop() }

// alive reports an edge that ended by itself.
func (u *unit) alive() error {
	if u.proc.Running() {
		return nil
	}
	return fmt.Errorf("edge %d ended by itself; it wrote:\n%s", u.n, u.log)
}

// drain waits until the gateway has what this edge has on its disk, or knows that it was given up. No other edge runs meanwhile.
func (u *unit) drain(ctx context.Context) error {
	// What is on the lines is read and committed, then all of it is sent. Its instruments are silent from now on.
	if !u.proc.Running() {
		if err := u.start(); err != nil {
			return err
		}
	}
	u.source.pause(true)
	if err := answers(ctx, u.w.site.edgeHTTP(u.n), u.proc); err != nil {
		return fmt.Errorf("edge %d at the end: %w", u.n, err)
	}
	if err := pass(ctx, 5*commitEvery); err != nil {
		return err
	}
	if err := u.restart(ctx, u.stop); err != nil {
		return err
	}
	u.source.pause(true)
	left := map[identity]bool{}
	for id := range u.w.ledger.present[u.n] {
		if whole(u.w.ledger.committed[id].Value) {
			left[id] = true
		}
	}
	_ = await(ctx, "the gateway to have everything", 2*time.Minute, func() (bool, error) {
		if err := u.w.alive(); err != nil {
			return false, err
		}
		got, err := records(u.w.site.gatewayHTTP())
		if err != nil {
			return false, nil
		}
		for _, r := range got {
			delete(left, r.identity())
		}
		lanesNow, err := account(u.w.site.gatewayHTTP())
		if err != nil {
			return false, nil
		}
		for id := range left {
			if u.w.ledger.gone[id] || lossOf(lanesNow, id) != "" {
				delete(left, id)
			}
		}
		if len(left) > 0 || u.w.ledger.waits(lanesNow) {
			return false, nil
		}
		// What it tells of itself, since its last start too: where its card has a clone, what it does not send now is lost.
		idle, err := nothingWaits(ctx, filepath.Join(u.w.site.journal(u.n), "control.sock"))
		return idle && err == nil, nil
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	return u.w.alive() // what is not there is counted
}

// lossOf returns why the gateway calls a record lost, "" if it does not.
func lossOf(lanes []lane, id identity) string {
	for _, l := range lanes {
		for _, x := range l.Lost {
			if l.Lane == id.lane && l.Epoch == id.epoch && x.From <= id.seq && id.seq <= x.To {
				return x.Reason
			}
		}
	}
	return ""
}
