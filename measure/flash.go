package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"fieldpost/internal/child"
)

// FlashOptions of a measurement.
type FlashOptions struct {
	Bin     string
	Seconds int             // how long readings come
	Rates   []int           // readings a second
	Every   []time.Duration // commit_every
}

// FlashReport is what one edge wrote.
type FlashReport struct {
	Rate     int     `json:"rate"`
	Every    float64 `json:"every"` // seconds
	Readings int     `json:"readings"`
	Seconds  float64 `json:"seconds"`
	Written  int64   `json:"written"` // bytes, as the kernel counts them for the process (write_bytes of proc(5))
}

// PerReading returns bytes.
func (r FlashReport) PerReading() float64 { return float64(r.Written) / float64(r.Readings) }

// PerDay returns bytes.
func (r FlashReport) PerDay() float64 { return float64(r.Written) / r.Seconds * 86400 }

// FlashReports are what edges wrote that ran at the same time, and what the block device of their folders did meanwhile; Device is 0 where it cannot be told.
type FlashReports struct {
	Edges  []FlashReport `json:"edges"`
	Device int64         `json:"device"` // bytes
	Total  int64         `json:"total"`  // bytes that the edges wrote between the same two instants
}

// Flash measures what edges without a link write, for each rate and each commit_every; all at the same time, a process each.
func Flash(ctx context.Context, o FlashOptions) (all FlashReports, err error) {
	dir, err := os.MkdirTemp("", "fieldpost-measure-")
	if err != nil {
		return all, err
	}
	defer os.RemoveAll(dir)
	all.Edges = make([]FlashReport, len(o.Rates)*len(o.Every))
	edges := make([]card, len(all.Edges))
	before := written(dir)
	errs := make(chan error, len(edges))
	for i := range edges {
		rate, every := o.Rates[i/len(o.Every)], o.Every[i%len(o.Every)]
		edges[i] = card{at: fmt.Sprintf("127.78.%d.1:8081", i)}
		defer edges[i].close()
		go func() {
			err := edges[i].measure(ctx, filepath.Join(dir, fmt.Sprint(i)), o, rate, every, &all.Edges[i])
			if err != nil {
				err = fmt.Errorf("%d readings/s, commit_every %v: %w; it wrote:\n%s", rate, every, err, &edges[i].log)
			}
			errs <- err
		}()
	}
	for range edges {
		err = errors.Join(err, <-errs)
	}
	all.Device = written(dir) - before
	for i := range edges {
		all.Total += process(edges[i].edge.Pid()).Written
	}
	return all, err
}

// card is one edge.
type card struct {
	site
	at string // host:port of its HTTP
}

func (c *card) measure(ctx context.Context, dir string, o FlashOptions, rate int, every time.Duration, r *FlashReport) error {
	const most = 10 // metrics
	metrics := min(rate, most)
	var device strings.Builder
	fmt.Fprintf(&device, "device: d0\nsim: {interval: %v}\nmetrics:\n", time.Second*time.Duration(metrics)/time.Duration(rate))
	for n := range metrics {
		fmt.Fprintf(&device, "  - {name: m%d, shape: walk, max: 100, decimals: 2}\n", n)
	}
	if err := c.open(dir, o.Bin); err != nil {
		return err
	}
	if err := c.files(map[string]string{
		"edge.yaml":       fmt.Sprintf("node: pi-1\njournal: {dir: journal, commit_every: %v}\nhttp: {listen: %q}\nhealth: off\nclock: {source: system}\n", every, c.at),
		"devices/d0.yaml": device.String(),
	}); err != nil {
		return err
	}
	var err error
	if c.edge, err = child.Start(&c.log, filepath.Join(c.bin, "fieldpost-edge"), "run", "-config", filepath.Join(dir, "edge.yaml")); err != nil {
		return err
	}
	// From just after a commit to just after a commit. The first one's making of files does not count.
	first, written, began, err := c.commit(ctx, 0, 2*every)
	if err != nil {
		return err
	}
	if err := pause(ctx, time.Duration(o.Seconds)*time.Second-time.Since(began)%every-every/2); err != nil {
		return err
	}
	last, now, ended, err := c.commit(ctx, stored(c.at, "live"), 2*every)
	if err != nil {
		return err
	}
	*r = FlashReport{Rate: rate, Every: every.Seconds(), Readings: last - first, Seconds: ended.Sub(began).Seconds(), Written: now - written}
	if r.Written == 0 {
		return fmt.Errorf("the kernel counts nothing written to %s: is it in memory? set TMPDIR to a folder on a disk", dir)
	}
	return nil
}

// commit waits until more than n records are on the disk and returns how many, and what was written by then.
func (c *card) commit(ctx context.Context, n int, limit time.Duration) (records int, bytes int64, at time.Time, err error) {
	err = await(ctx, "a commit", limit+time.Minute, func() bool { return stored(c.at, "live") > n })
	return stored(c.at, "live"), process(c.edge.Pid()).Written, time.Now(), err
}

// written returns the bytes that the block device which dir lies on has written since the machine's start; 0: it cannot be told.
func written(dir string) int64 {
	var st syscall.Stat_t
	if syscall.Stat(dir, &st) != nil {
		return 0
	}
	major, minor := st.Dev>>8&0xfff, st.Dev&0xff|st.Dev>>12&0xfff00
	b, err := os.ReadFile(fmt.Sprintf("/sys/dev/block/%d:%d/stat", major, minor))
	if err != nil {
		return 0
	}
	const sector, sectorsWritten = 512, 6 // the kernel's Documentation/block/stat.rst
	fields := strings.Fields(string(b))
	if len(fields) <= sectorsWritten {
		return 0
	}
	var n int64
	_, _ = fmt.Sscan(fields[sectorsWritten], &n) // 0 says that it cannot be read
	return n * sector
}
