package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"fieldpost/configs/edgefile"
	"fieldpost/configs/gatewayfile"
	"fieldpost/drivers/catalogue"
	"fieldpost/edge"
	"fieldpost/gateway"
	"fieldpost/gateway/source"
	"fieldpost/gateway/source/mqttbroker"
)

const software = "fieldpost-demo"

// nodes are the edges, each with its devices: a reading of each is awaited before the demo says that it runs.
var nodes = []struct {
	name    string
	devices []string
}{
	{"plant", []string{"machine", "meter", "office", "pump"}},
	{"hill", []string{"gps", "station", "tank"}},
}

// demo is one run.
type demo struct {
	options
	dir     string // absolute
	listen  string // with the port in use
	logFile string // "": standard error
	log     *slog.Logger
	parts   parts
}

// run starts everything, waits for the first readings, tells where to look, and stops everything when ctx ends.
func (d *demo) run(ctx context.Context, out io.Writer) error {
	ctx, d.parts.end = context.WithCancel(ctx)
	defer d.parts.end()
	fmt.Fprintln(out, "Starting a gateway, two edges and their instruments …")
	err := d.start(ctx)
	if err == nil {
		d.tell(out)
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		fmt.Fprintln(out, "\nStopping.")
	}
	if errors.Is(err, context.Canceled) {
		err = nil // asked to stop, or a part failed: then stop says why
	}
	return errors.Join(err, d.parts.stop())
}

// start brings everything up, in the order in which one needs the other.
func (d *demo) start(ctx context.Context) error {
	values := map[string]string{"LISTEN": quoted(d.listen)}
	if d.open() {
		values["INSECURE"] = ", insecure: true"
	}
	if err := d.write(values, "gateway.yaml"); err != nil {
		return err
	}
	broker, err := d.startGateway(d.path("gateway.yaml"))
	if err != nil {
		return err
	}
	if err := await(ctx, "the broker", func() bool { return broker.Status().Up }); err != nil {
		return err
	}
	values["BROKER"] = quoted("tcp://" + broker.Status().Address)
	bad, err := d.startBadLink(broker.Status().Address)
	if err != nil {
		return err
	}
	values["BADLINK"] = quoted("tcp://" + bad)
	if err := d.startInstruments(values); err != nil {
		return err
	}
	if err := d.writeRecording(); err != nil {
		return err
	}
	for _, n := range nodes {
		if err := d.writeEdge(n.name, n.devices, values); err != nil {
			return err
		}
		if err := d.startEdge(n.name); err != nil {
			return err
		}
	}
	for _, n := range nodes {
		for _, device := range n.devices {
			if err := await(ctx, "a reading of the "+device, func() bool { return hasReadings(ctx, d.url(), device) }); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *demo) startGateway(path string) (source.Source, error) {
	c, problems := gatewayfile.Load(path)
	if problems.Failed() {
		return nil, fmt.Errorf("load the gateway's file:\n%s", problems)
	}
	log := d.log.With("part", "gateway")
	broker := mqttbroker.New(c.Sources[0].Name, *c.Sources[0].MQTTBroker, log)
	g, err := gateway.Open(gateway.Config{
		Software: software, Data: c.Data, Retention: c.Retention, HTTP: c.HTTP, Dense: int64(c.DenseMemory), Log: log, Sources: []source.Source{broker},
	})
	if err != nil {
		return nil, err
	}
	d.parts.add(g.Close)
	d.parts.start(g.Run)
	return broker, nil
}

func (d *demo) startEdge(node string) error {
	c, problems := edgefile.Load(d.path(node, "edge.yaml"), catalogue.Kinds())
	if problems.Failed() {
		return fmt.Errorf("load the files of edge %s:\n%s", node, problems)
	}
	config, err := c.Edge(software, d.log.With("part", node))
	if err != nil {
		return err
	}
	e, err := edge.Open(config)
	if err != nil {
		return err
	}
	d.parts.add(e.Close)
	d.parts.start(e.Run)
	return nil
}

func (d *demo) path(names ...string) string {
	return filepath.Join(append([]string{d.dir}, names...)...)
}
