package edge

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"fieldpost/configs/setting"
)

// Print writes s for people, as seen at now.
func (s Status) Print(w io.Writer, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }
	read := s.Clock.Time.Go() // readings are as old as the clock says that gave them their times, which is not now's while it is unset

	row("node\t%s\t%s, running for %s", s.Node, s.Software, span(now.Sub(s.Since)))
	row("clock\t%s\t%s (%s), boot %d", s.Clock.Time.Go().Format(time.RFC3339), s.Clock.State, trust[s.Clock.State], s.Clock.Boot)
	room := "for how many days there is room is known in a minute"
	if s.Journal.Rate > 0 {
		room = fmt.Sprintf("room for %.0f days at this rate (%s a day)", s.Journal.Room, bytes(s.Journal.Rate))
	}
	row("journal\t%s of %s\t%s", bytes(float64(s.Journal.Size)), bytes(float64(s.Journal.MaxSize)), room)
	row("\t%s\tepoch %s", s.Journal.Dir, s.Journal.Epoch)
	if s.Journal.Err != "" {
		row("\tcannot be written\t%s", s.Journal.Err)
	}

	row("\nDEVICE\tDRIVER\tBUS\tREADINGS\tERRORS\tLAST")
	for _, d := range s.Devices {
		last := "never"
		if d.Last != nil {
			last = ago(read, d.Last.Go())
		}
		if d.Silent {
			last += ", silent"
		}
		row("%s\t%s\t%s\t%d\t%d\t%s", d.Device, d.Driver, d.Bus, d.Readings, d.Errors, last)
		for _, m := range d.Metrics {
			if m.Time == nil {
				row("  %s\t-\t\t\t\t", m.Metric)
				continue
			}
			row("  %s\t%s %s\t%s\t\t\t%s", m.Metric, m.Value, m.Unit, m.Quality, ago(read, m.Time.Go()))
		}
		if len(d.Raised) > 0 {
			row("  raised\t%s", strings.Join(d.Raised, ", "))
		}
		if d.Reduced > 0 {
			row("  held back\t%d of %d", d.Reduced, d.Readings)
		}
	}
	for _, d := range s.Devices { // below the table, whose columns they would break
		if d.Err != "" {
			row("\n%s: last error %s: %s", d.Device, ago(now, *d.ErrTime), d.Err)
		}
	}
	for _, b := range s.Buses {
		if b.Fails > 0 {
			row("\nbus %s (%s) went down %s, tries since: %d\n  %s", b.Name, b.Driver, ago(now, b.Since), b.Fails, b.Err)
		}
	}

	row("\nLANE\tSTORED\tACKED\tWAITING\tOLDEST WAITING\tIN MEMORY\tLOST\tON DISK")
	for _, l := range s.Journal.Lanes {
		oldest := "-"
		if l.Oldest != nil {
			oldest = ago(read, l.Oldest.Go())
		}
		row("%s\t%d\t%d\t%d\t%s\t%d\t%d\t%s", l.Lane, l.Stored, l.Acked, l.Waiting, oldest, l.Memory, l.Lost+l.Dropped, bytes(float64(l.Size)))
	}
	s.printLinks(row, now)
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print status: %w", err)
	}
	return nil
}

// trust says what the states of a clock mean.
var trust = map[string]string{
	"unset": "nothing vouches for it; readings are marked",
	"floor": "nothing vouches for it; readings are marked",
	"local": "a clock of the machine's own",
	"sync":  "kept by the kernel",
}

func ago(now, t time.Time) string {
	d := now.Sub(t)
	if d < 0 {
		return "in " + span(-d)
	}
	return span(d) + " ago"
}

// span writes d in its largest unit or two.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		d = d.Round(100 * time.Millisecond)
	case d < time.Hour:
		d = d.Round(time.Second)
	case d < 24*time.Hour:
		d = d.Round(time.Minute)
	default:
		d = d.Round(time.Hour)
	}
	return setting.Duration(d).String()
}

func bytes(n float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= u.size {
			return fmt.Sprintf("%.1f %s", n/u.size, u.name)
		}
	}
	return fmt.Sprintf("%.0f B", n)
}
