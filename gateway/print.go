package gateway

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"fieldpost/configs/setting"
)

// Print writes s for people, as seen at now.
func (s Status) Print(w io.Writer, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }
	row("%s, running for %s", s.Software, setting.Duration(now.Sub(s.Since).Round(time.Second)))
	row("store\t%s\t%d records\t%.1f MiB\t%.1f MiB by series", s.Store.Dir, s.Store.Records, float64(s.Store.Size)/(1<<20), float64(s.Store.Blocks)/(1<<20))
	if s.Store.Err != "" {
		row("\ttakes in no more\t%s", s.Store.Err)
	}
	row("received\t%d frames\t%d records stored\t%d repeats left out\t%d failed commits\t%d frames dense", s.Ingest.Frames, s.Ingest.Records, s.Ingest.Repeats, s.Ingest.Failed, s.Ingest.Dense)
	for _, r := range s.Store.RolledBack {
		row("rolled back or cloned\t%s", r)
	}
	row("\nSOURCE\tKIND\tADDRESS\tUP\tCONNECTIONS\tMESSAGES")
	for _, x := range s.Sources {
		row("%s\t%s\t%s\t%t\t%d\t%d", x.Name, x.Kind, x.Address, x.Up, x.Connections, x.Received)
		if x.Err != "" {
			row("  %s", x.Err)
		}
		for reason, n := range x.Refused {
			row("  refused\t%s\t%d", reason, n)
		}
	}
	row("\nNODE\tONLINE\tLAST SEEN\tSTORED\tMISSING\tHELD\tLOST")
	for _, n := range s.Nodes {
		seen := "never"
		if n.LastSeen != 0 {
			seen = setting.Duration(now.Sub(n.LastSeen.Go()).Round(time.Second)).String() + " ago"
		}
		row("%s\t%t\t%s\t%d\t%d\t%d\t%d", n.Node, n.Online, seen, n.Stored, n.Missing, n.Held, n.Lost)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print status: %w", err)
	}
	return nil
}
