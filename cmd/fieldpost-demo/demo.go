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
	"fieldpost/drivers/emulate"
	"fieldpost/edge"
	"fieldpost/gateway"
	"fieldpost/gateway/source"
	"fieldpost/gateway/source/mqttbroker"
)

const (
	software = "fieldpost-demo"
	seed     = 1 // of the instruments' noise
)

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
	fmt.Fprintln(out, "Starting a gateway, an edge and two emulated instruments …")
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
	if err := d.startInstruments(values); err != nil {
		return err
	}
	if err := d.write(values, "edge.yaml", "devices/station.yaml", "devices/meter.yaml"); err != nil {
		return err
	}
	if err := d.startEdge(d.path("edge.yaml")); err != nil {
		return err
	}
	for _, device := range []string{"meter", "station"} {
		if err := await(ctx, "a reading of the "+device, func() bool { return hasReadings(ctx, d.url(), device) }); err != nil {
			return err
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
		Software: software, Data: c.Data, Retention: c.Retention, HTTP: c.HTTP, Log: log, Sources: []source.Source{broker},
	})
	if err != nil {
		return nil, err
	}
	d.parts.add(g.Close)
	d.parts.start(g.Run)
	return broker, nil
}

func (d *demo) startEdge(path string) error {
	c, problems := edgefile.Load(path, catalogue.Kinds())
	if problems.Failed() {
		return fmt.Errorf("load the edge's files:\n%s", problems)
	}
	config, err := c.Edge(software, d.log.With("part", "edge"))
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

// startInstruments plugs the instruments in and switches them on. Where they are goes into values.
func (d *demo) startInstruments(values map[string]string) error {
	port := d.path("usb-station")
	line, err := emulate.NewPty(port)
	if err != nil {
		return err
	}
	d.parts.add(line.Close)
	network, err := emulate.ListenTCP("127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("switch the meter on: %w", err)
	}
	d.parts.add(network.Close)
	values["STATION"], values["METER"] = quoted(port), quoted(network.Address())
	for _, instrument := range []interface{ Run(context.Context) }{emulate.NewStation(line, seed), emulate.NewMeter(network, seed)} {
		d.parts.start(func(ctx context.Context) error {
			instrument.Run(ctx)
			return nil
		})
	}
	return nil
}

func (d *demo) path(name string) string { return filepath.Join(d.dir, name) }
