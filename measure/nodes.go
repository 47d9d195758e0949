package measure

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/coder/websocket"

	"fieldpost/forwarder"
	"fieldpost/forwarder/link/mqtt"
)

// NodesOptions of a measurement.
type NodesOptions struct {
	Bin      string // folder of the binaries
	Nodes    int
	Seconds  int           // that the steady part takes
	Outage   time.Duration // after which all come back at once
	Away     time.Duration // how long the gateway is away in truth; default: until nodes wait as long between attempts as after an hour
	Browsers int           // that follow a node each
	Coding   forwarder.Coding

	SendEvery time.Duration // 0: no ack waits
	Profiles  string        // folder for profiles of the gateway, those of the herd in herd in it; "": none
}

// NodesReport is what it gave.
type NodesReport struct {
	Nodes    int     `json:"nodes"`
	Records  uint64  `json:"records"`  // stored in the end: all that were issued
	Steady   Process `json:"steady"`   // of the gateway: CPU seconds a second, most memory
	Resident int64   `json:"resident"` // bytes a node, above the gateway without any
	Ack      Times   `json:"ack"`      // milliseconds from a frame's commit to its ack
	Stream   Times   `json:"stream"`   // milliseconds from a reading's commit at the gateway to a browser
	Browsers int     `json:"browsers"`
	Followed uint64  `json:"followed"` // readings that the browsers got

	Backlog  uint64  `json:"backlog"`  // records that wait when the gateway comes back
	First    float64 `json:"first"`    // seconds from its start until one node has no backlog
	Half     float64 `json:"half"`     // until half have none
	All      float64 `json:"all"`      // until none has
	HerdPeak int64   `json:"herdPeak"` // most memory of the gateway then
	HerdCPU  float64 `json:"herdCPU"`  // CPU seconds of the gateway until then
	HerdRate float64 `json:"herdRate"` // readings a second over it
}

// Nodes measures one gateway with many nodes: at rest, and when all come back after an outage.
func Nodes(ctx context.Context, o NodesOptions) (r NodesReport, err error) {
	s := &site{profiles: o.Profiles}
	if err := s.open("", o.Bin); err != nil {
		return r, err
	}
	defer s.close()
	r.Nodes, r.Browsers = o.Nodes, o.Browsers
	if err := s.nodes(ctx, o, &r); err != nil {
		return r, fmt.Errorf("%w; the gateway wrote:\n%s", err, &s.log)
	}
	return r, nil
}

func (s *site) nodes(ctx context.Context, o NodesOptions, r *NodesReport) error {
	if err := s.files(map[string]string{
		"gateway.yaml": fmt.Sprintf("data: data\nhttp: {listen: %q}\nsources: [{name: mqtt, mqtt_broker: {listen: %q}}]\n", gatewayHTTP, brokerAddress),
	}); err != nil {
		return err
	}
	if err := s.startGateway(ctx); err != nil {
		return err
	}
	dialer, err := mqtt.New(mqtt.Settings{URL: "tcp://" + brokerAddress}, nil)
	if err != nil {
		return err
	}
	c, err := newCrowd(o)
	if err != nil {
		return err
	}
	alone := entry(s.gateway.Pid(), "status", "VmRSS:") << 10
	ctx, cancel := context.WithCancel(ctx)
	var working sync.WaitGroup
	defer working.Wait()
	defer cancel()
	working.Go(func() { c.run(ctx, dialer) })
	issuing, enough := context.WithCancel(ctx)
	var issuer sync.WaitGroup
	defer issuer.Wait()
	defer enough()
	issuer.Go(func() { c.issue(issuing) })
	if err := await(ctx, "all nodes to be there", 3*time.Minute, func() bool {
		for _, n := range c.nodes {
			if n.acknowledged() == 0 {
				return false
			}
		}
		return true
	}); err != nil {
		return err
	}
	if err := s.steady(ctx, o, c, r, alone); err != nil {
		return err
	}
	if err := s.herd(ctx, o, c, r); err != nil {
		return err
	}
	enough()
	issuer.Wait() // a frame may be on its way to its node still
	if err := await(ctx, "the last acks", time.Minute, func() bool {
		records, _ := c.waiting()
		return records == 0
	}); err != nil {
		return err
	}
	if err := s.proveAll(c, r); err != nil || s.profiles == "" {
		return err
	}
	return s.gateway.Stop() // so that it writes them
}

// steady measures the gateway while nothing happens but what always does.
func (s *site) steady(ctx context.Context, o NodesOptions, c *crowd, r *NodesReport, alone int64) error {
	following, stop := context.WithCancel(ctx)
	defer stop()
	browsers := make([]browser, o.Browsers)
	var watching sync.WaitGroup
	for i := range browsers {
		watching.Go(func() { browsers[i].follow(following, s.gatewayAt, c.nodes[i*len(c.nodes)/len(browsers)].name) })
	}
	before := process(s.gateway.Pid())
	c.count(true)
	if err := pause(ctx, time.Duration(o.Seconds)*time.Second); err != nil {
		return err
	}
	r.Ack = timesOf(c.count(false))
	after := process(s.gateway.Pid())
	r.Steady = Process{CPU: (after.CPU - before.CPU) / float64(o.Seconds), Resident: after.Resident, Written: after.Written - before.Written}
	r.Resident = (entry(s.gateway.Pid(), "status", "VmRSS:")<<10 - alone) / int64(o.Nodes)
	stop()
	watching.Wait()
	var delays []time.Duration
	for i := range browsers {
		if b := &browsers[i]; b.err != nil {
			return fmt.Errorf("browser %d: %w", i, b.err)
		}
		delays = append(delays, browsers[i].delays...)
	}
	if r.Followed = uint64(len(delays)); r.Followed > 0 {
		r.Stream = timesOf(delays)
	}
	return nil
}

// herd ends the gateway, lets the backlog of an outage grow, and starts it again.
func (s *site) herd(ctx context.Context, o NodesOptions, c *crowd, r *NodesReport) error {
	if err := s.gateway.Stop(); err != nil {
		return err
	}
	for _, n := range c.nodes {
		n.add(uint64(o.Outage / (10 * time.Second)))
	}
	if err := pause(ctx, cmp.Or(o.Away, 90*time.Second)); err != nil {
		return err
	}
	r.Backlog, _ = c.waiting()
	if s.profiles != "" {
		s.profiles = filepath.Join(s.profiles, "herd")
		if err := os.MkdirAll(s.profiles, 0o755); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := s.startGateway(ctx); err != nil {
		return err
	}
	// Frames go on coming: a node has no backlog when less than two of them wait.
	behind := func() (nodes int) {
		for _, n := range c.nodes {
			if n.waiting() > 2*crowdFrame {
				nodes++
			}
		}
		return nodes
	}
	for _, part := range []struct {
		nodes   int
		seconds *float64
	}{{len(c.nodes) - 1, &r.First}, {len(c.nodes) / 2, &r.Half}, {0, &r.All}} {
		if err := await(ctx, "the herd to be served", 20*time.Minute, func() bool { return behind() <= part.nodes }); err != nil {
			return fmt.Errorf("%w: %d nodes wait", err, behind())
		}
		*part.seconds = time.Since(began).Seconds()
	}
	p := process(s.gateway.Pid())
	r.HerdPeak, r.HerdCPU, r.HerdRate = p.Resident, p.CPU, float64(r.Backlog)/r.All
	return nil
}

// proveAll asks the gateway for what it has of each node.
func (s *site) proveAll(c *crowd, r *NodesReport) error {
	var nodes []struct {
		Node  string
		Lanes []lane
	}
	if err := get(s.gatewayAt, "/v1/nodes", &nodes); err != nil {
		return err
	}
	stored := map[string]int{}
	for _, n := range nodes {
		for _, l := range n.Lanes {
			stored[n.Node] += l.Stored
			if len(l.Lost) > 0 {
				return fmt.Errorf("%s has lost records: %v", n.Node, l.Lost)
			}
		}
	}
	for _, n := range c.nodes {
		if has, issued := stored[n.name], int(n.issued*crowdFrame); has != issued {
			return fmt.Errorf("%s: %d records are stored, %d were issued", n.name, has, issued)
		}
		r.Records += uint64(stored[n.name])
	}
	return nil
}

// browser follows a node.
type browser struct {
	delays []time.Duration
	err    error
}

func (b *browser) follow(ctx context.Context, address, node string) {
	conn, _, err := websocket.Dial(ctx, "ws://"+address+"/v1/stream?node="+node, nil)
	if err != nil {
		b.err = err
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(-1)
	for {
		_, message, err := conn.Read(ctx)
		now := time.Now()
		if err != nil {
			if ctx.Err() == nil {
				b.err = err
			}
			return
		}
		for _, at := range storedAt(message) {
			b.delays = append(b.delays, now.Sub(at))
		}
	}
}

// storedAt returns when the records of a message were stored.
func storedAt(message []byte) (out []time.Time) {
	var one struct {
		StoredAt time.Time `json:"stored_at"`
	}
	for d := json.NewDecoder(bytes.NewReader(message)); ; {
		if d.Decode(&one) != nil {
			return out
		}
		out = append(out, one.StoredAt)
	}
}
