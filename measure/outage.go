package measure

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"fieldpost/drivers/emulate"
	"fieldpost/faultproxy"
	"fieldpost/internal/child"
)

// OutageOptions of a measurement.
type OutageOptions struct {
	Bin     string // folder of the binaries
	Dir     string // for the data, made and removed; default: a temporary one
	Backlog int    // readings
	Events  int    // raised on the slow link, some seconds apart
}

// The slow link, each way.
const (
	slowRate  = 8000 // bytes a second: 64 kbit/s
	slowDelay = 300 * time.Millisecond
)

// OutageReport is what one backlog gave.
type OutageReport struct {
	Backlog int `json:"backlog"` // readings

	Fill  float64   `json:"fill"`   // seconds until they were on the edge's disk
	First float64   `json:"first"`  // seconds from the start of the process until the gateway had the first of them; 0: none
	Event []float64 `json:"events"` // seconds from the instrument's telegram until the gateway had the event
	Used  float64   `json:"used"`   // of what the slow link could carry meanwhile, 0 to 1
	Fresh float64   `json:"fresh"`  // the oldest that the newest reading at the gateway was on the slow link, in seconds

	Resident int64   `json:"resident"` // bytes, the most since the start (VmHWM), on the slow link
	Draining int64   `json:"draining"` // the same after the drain
	Drain    float64 `json:"drain"`    // readings a second
	Disk     int64   `json:"disk"`     // bytes, of the edge's journal
}

// rig is what one measurement runs on.
type rig struct {
	site
	o          OutageOptions
	proxy      *faultproxy.Proxy
	instrument *emulate.TCP
	sent       int // readings
}

// Outage measures what comes after an outage: an edge that holds a backlog of so many readings is started anew, first on a good link, then on one of
// 64 kbit/s and 300 ms each way, and then on a good one again until all has arrived. An error says that it could not be carried out, or that something was missing at its end.
func Outage(ctx context.Context, o OutageOptions) (r OutageReport, err error) {
	r.Backlog = o.Backlog
	g := &rig{o: o}
	if err := g.site.open(o.Dir, o.Bin); err != nil {
		return r, err
	}
	defer g.close()
	if err := g.open(ctx); err != nil {
		return r, err
	}
	for _, step := range []func(context.Context, *OutageReport) error{g.fill, g.restart, g.slow, g.drain} {
		if err := step(ctx, &r); err != nil {
			return r, fmt.Errorf("%w; the processes wrote:\n%s", err, &g.log)
		}
	}
	return r, nil
}

// open starts a gateway, a link that refuses, an instrument and an edge.
func (g *rig) open(ctx context.Context) (err error) {
	if g.proxy, err = faultproxy.Listen(brokerAddress); err != nil {
		return err
	}
	g.proxy.Refuse(true)
	if g.instrument, err = emulate.ListenTCP("127.0.0.1:0"); err != nil {
		return err
	}
	if err := g.write(); err != nil {
		return err
	}
	if err := g.startGateway(ctx); err != nil {
		return err
	}
	return g.start(ctx)
}

// start starts the edge and waits until it listens to its instrument.
func (g *rig) start(ctx context.Context) (err error) {
	g.instrument.HangUp()
	if g.edge, err = child.Start(&g.log, filepath.Join(g.bin, "fieldpost-edge"), "run", "-config", filepath.Join(g.dir, "edge.yaml")); err != nil {
		return err
	}
	select {
	case <-g.instrument.Connected():
		return nil
	case <-g.edge.Exited():
		return fmt.Errorf("the edge ended by itself")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fill has the edge take the backlog: a value that wanders, 11 bits of news each time, as fast as it will take it.
func (g *rig) fill(ctx context.Context, r *OutageReport) error {
	begin := time.Now()
	w := wander{n: g.o.Backlog}
	for lines := w.next(); lines != nil; lines = w.next() {
		if _, err := g.instrument.Write(lines); err != nil {
			return fmt.Errorf("tell a reading: %w", err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	g.sent = g.o.Backlog
	err := await(ctx, "the backlog to be on the edge's disk", 10*time.Minute, func() bool { return stored(edgeHTTP, "live") == g.sent })
	r.Fill = time.Since(begin).Seconds()
	return err
}

// restart starts the edge anew, on a good link, and ends it as soon as the gateway has something of the backlog.
func (g *rig) restart(ctx context.Context, r *OutageReport) error {
	if err := g.edge.Stop(); err != nil {
		return err
	}
	r.Disk = size(filepath.Join(g.dir, "journal"))
	g.proxy.Refuse(false)
	begin := time.Now()
	if err := g.start(ctx); err != nil {
		return err
	}
	if g.o.Backlog > 0 {
		if err := await(ctx, "the first readings", time.Minute, func() bool { return stored(gatewayHTTP, "live") > 0 }); err != nil {
			return err
		}
		r.First = time.Since(begin).Seconds()
	}
	// At once, or there is nothing left of a small backlog.
	g.proxy.Refuse(true)
	g.proxy.Cut()
	return g.edge.Stop()
}

// slow starts the edge on the slow link, takes ten readings a second and raises and clears events.
func (g *rig) slow(ctx context.Context, r *OutageReport) error {
	for _, d := range []faultproxy.Direction{faultproxy.Up, faultproxy.Down} {
		g.proxy.Throttle(d, slowRate)
		g.proxy.Delay(d, slowDelay)
	}
	g.proxy.Refuse(false)
	if err := g.start(ctx); err != nil {
		return err
	}
	idle := g.proxy.Bytes(faultproxy.Up)
	if err := await(ctx, "the slow link to be busy", 2*time.Minute, func() bool { return g.proxy.Bytes(faultproxy.Up) > idle+2000 || g.o.Backlog == 0 }); err != nil {
		return err
	}
	begin, before := time.Now(), g.proxy.Bytes(faultproxy.Up)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	const apart = 70 // ticks: seven seconds, so that events meet the link in all its moods
	for n := range (g.o.Events + 2) * apart {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if event := n/apart - 1; event < 0 || event >= g.o.Events || n%apart > 0 {
			if err := g.tell(fmt.Sprint(20_000 + n%7)); err != nil {
				return err
			}
			r.Fresh = max(r.Fresh, g.behind(n > apart*2))
			continue
		}
		took, err := g.event(ctx, len(r.Event))
		if err != nil {
			return err
		}
		r.Event = append(r.Event, took)
	}
	r.Used = float64(g.proxy.Bytes(faultproxy.Up)-before) / time.Since(begin).Seconds() / slowRate
	r.Resident = process(g.edge.Pid()).Resident
	return nil
}

func (g *rig) tell(line string) error {
	g.sent++
	_, err := g.instrument.Write([]byte(line + "\n"))
	return err
}

// event has the pattern change its state for the n-th time and returns how long that took to arrive.
func (g *rig) event(ctx context.Context, n int) (float64, error) {
	begin := time.Now()
	value := -1
	if n%2 == 1 {
		value = 1
	}
	// Both limits are met for one reading each, so that what raises and what clears are one telegram.
	if err := g.tell(fmt.Sprint(value * 1_000_000_000)); err != nil {
		return 0, err
	}
	err := await(ctx, "an event", time.Minute, func() bool { return stored(gatewayHTTP, "alarm") > n })
	return time.Since(begin).Seconds(), err
}

// behind returns how old the newest reading at the gateway is.
func (g *rig) behind(count bool) float64 {
	if !count {
		return 0
	}
	var newest []struct{ Time time.Time }
	if err := get(gatewayHTTP, "/v1/readings?node="+nodeName+"&metric=n&order=desc&limit=1", &newest); err != nil || len(newest) == 0 {
		return 0
	}
	return time.Since(newest[0].Time).Seconds()
}

// drain makes the link good again and waits until the gateway has everything.
func (g *rig) drain(ctx context.Context, r *OutageReport) error {
	before := stored(gatewayHTTP, "live")
	for _, d := range []faultproxy.Direction{faultproxy.Up, faultproxy.Down} {
		g.proxy.Throttle(d, 0)
		g.proxy.Delay(d, 0)
	}
	begin := time.Now()
	if err := await(ctx, "the backlog to arrive", 20*time.Minute, func() bool { return stored(gatewayHTTP, "live") == g.sent }); err != nil {
		return fmt.Errorf("%w: the gateway has %d of %d readings", err, stored(gatewayHTTP, "live"), g.sent)
	}
	r.Drain = float64(g.sent-before) / time.Since(begin).Seconds()
	r.Draining = process(g.edge.Pid()).Resident
	if n := missing(); n > 0 {
		return fmt.Errorf("%d records are missing or lost at the end", n)
	}
	return g.edge.Stop()
}

func (g *rig) close() {
	g.site.close()
	if g.instrument != nil {
		g.instrument.Close()
	}
	if g.proxy != nil {
		g.proxy.Close()
	}
}

// write writes the files of gateway and edge.
func (g *rig) write() error {
	return g.files(map[string]string{
		"gateway.yaml": fmt.Sprintf("data: %s\nsources:\n  - {name: own, mqtt_broker: {listen: %q}}\nhttp: {listen: %q}\n",
			filepath.Join(g.dir, "store"), brokerAddress, gatewayHTTP),
		"edge.yaml": fmt.Sprintf("node: %s\njournal: {dir: journal}\nlinks:\n  - {name: slow, mqtt: {url: \"tcp://%s\"}}\nhttp: {listen: %q}\nhealth: off\nclock: {source: system}\n",
			nodeName, g.proxy.Addr(), edgeHTTP),
		"devices/d0.yaml": fmt.Sprintf("device: d0\nline:\n  tcp: %s\n  format: csv\nsilent: off\nmetrics:\n  - {name: n, field: 1, type: integer}\n"+
			"patterns:\n  - {name: low, when: n < -500000000, clear: n > 500000000, severity: critical}\n", g.instrument.Address()),
	})
}
