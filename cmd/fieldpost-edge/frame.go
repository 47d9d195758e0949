package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"fieldpost/cmd/internal/command"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/frame/dense"
	"fieldpost/telemetry/wire"
)

func frameCommand() command.Sub {
	f := command.Flags("frame")
	node := f.String("node", "", "the `NAME` of the node that sent them: cold dense frames do not say it")
	return command.Sub{Flags: f, Args: 1, Run: func(_ context.Context, std command.IO) int {
		if f.NArg() != 1 {
			fmt.Fprintln(std.Errs, "fieldpost-edge frame: name a FILE, or - for standard input: a frame as it is, or messages in hexadecimal, one a line, in the order sent")
			return command.BadUsage
		}
		b, err := readFile(f.Arg(0), std.In)
		if err != nil {
			return done(err, std.Errs)
		}
		t := tabwriter.NewWriter(std.Out, 0, 0, 2, ' ', 0)
		p := framePrinter{node: *node, out: t, tables: map[uint64]*frame.Table{}}
		err = p.all(b)
		t.Flush()
		return done(err, std.Errs)
	}}
}

func readFile(name string, in io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(in)
	}
	return os.ReadFile(name)
}

// framePrinter prints frames, and the messages between which they stand: of a link, in order, what comes later is told by what came before.
type framePrinter struct {
	node   string
	out    io.Writer
	known  dense.Known
	chain  dense.Chain
	tables map[uint64]*frame.Table
}

// all prints what b holds.
func (p *framePrinter) all(b []byte) error {
	if text := strings.TrimSpace(string(b)); strings.Trim(text, "0123456789abcdefABCDEF \t\r\n") == "" && text != "" {
		for i, line := range strings.Split(text, "\n") {
			data, err := hex.DecodeString(strings.Join(strings.Fields(line), ""))
			if err == nil && len(data) > 0 {
				err = p.one(data)
			}
			if err != nil {
				return fmt.Errorf("line %d: %w", i+1, err)
			}
		}
		return nil
	}
	return p.one(b)
}

// one prints a frame or a message.
func (p *framePrinter) one(b []byte) error {
	if _, err := frame.ParseHeader(b); dense.Is(b) || err == nil {
		return p.frame(b)
	}
	m, err := wire.Parse(b)
	if err != nil {
		return fmt.Errorf("neither a frame nor a message: %w", err)
	}
	switch m := m.(type) {
	case *wire.Frame:
		return p.frame(m.Data)
	case *wire.Table:
		t, err := frame.DecodeTable(m.Data)
		if err != nil {
			return err
		}
		hash := frame.Hash(m.Data)
		p.tables[hash], p.known.Table = t, hash
		fmt.Fprintf(p.out, "table %016x: %d bytes, %d series\n", hash, len(m.Data), len(t.Series()))
	case *wire.Hello:
		if m.Bases != nil {
			epoch, next, boot := m.Newest()
			p.known = dense.Known{Node: p.node, Epoch: epoch, Lane: telemetry.Live, Boot: boot.Boot, Clock: boot.Clock, Offset: boot.Offset, Next: next}
			p.chain = p.chain.Only(m.Bases)
		}
		fmt.Fprintf(p.out, "hello of link %s: %d bytes, %s, states %x\n", m.Link, len(b), m.Software, m.Bases)
	default:
		fmt.Fprintf(p.out, "%s: %d bytes\n", strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", m), "*wire.")), len(b))
	}
	return nil
}

// frame prints a frame's header and records.
func (p *framePrinter) frame(b []byte) error {
	var h frame.Header
	var recs []frame.Record
	var events []telemetry.Event
	var err error
	how := "plain"
	if dense.Is(b) {
		if p.known.Node == "" {
			p.known.Node = p.node
		}
		how = "dense, " + dense.Describe(b)
		h, recs, p.chain, err = dense.Decode(b, p.known, p.chain)
	} else if h, err = frame.ParseHeader(b); err == nil && h.Content == frame.Events {
		_, events, err = frame.DecodeEvents(b)
	} else if err == nil {
		_, recs, err = frame.Decode(b, nil)
	}
	if err != nil {
		return fmt.Errorf("frame of %d bytes (%s): %w", len(b), how, err)
	}
	fmt.Fprintf(p.out, "frame: %d bytes, %s, %d %s, %.2f bytes each\n", len(b), how, h.Count, h.Content, float64(len(b))/float64(h.Count))
	fmt.Fprintf(p.out, "  node %s, epoch %s, lane %s, sequences %d to %d\n", h.Node, h.Epoch, h.Lane, h.First, h.Last())
	fmt.Fprintf(p.out, "  boot %d (%016x), clock %s, wall minus monotonic %d ns, table %016x\n", h.Boot.Ordinal, h.Boot.ID, h.Clock, h.Offset, h.Table)
	var names []frame.Series
	if t := p.tables[h.Table]; t != nil {
		names = t.Series()
	}
	for i, r := range recs {
		name := fmt.Sprintf("series %d", r.Series)
		if int(r.Series) < len(names) {
			name = names[r.Series].Device + "/" + names[r.Series].Name
		}
		value := r.Value.String()
		if r.Value.Kind() == telemetry.KindText {
			value = fmt.Sprintf("%q", value)
		}
		stamped := ""
		if r.Stamped {
			stamped = "by the instrument's clock"
		}
		fmt.Fprintf(p.out, "  %d\t%s\t%s\t%s\t%s\t%s\n", h.First+uint64(i), r.Time, name, value, r.Quality, stamped)
	}
	for i, e := range events {
		fmt.Fprintf(p.out, "  %d\t%s\t%s/%s\t%s\t%q\n", h.First+uint64(i), e.Time, e.Device, e.Pattern, e.State, e.Message)
	}
	return nil
}
