package measure

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// PlantNode and PlantMetric name what a measured store has; all are of the device plant.
func PlantNode(n int) string   { return fmt.Sprintf("n%d", n) }
func PlantMetric(m int) string { return fmt.Sprintf("m%02d", m) }

// QueryOptions of a measurement.
type QueryOptions struct {
	Bin            string // folder of the binaries
	Dir            string // the store is in its folder data, with blocks, which are removed in the end
	Nodes, Metrics int    // PlantNode, PlantMetric; each metric once a second
	Began          time.Time
	Days           int
	Asked          int    // how often each question is asked
	Profiles       string // folder for profiles of the gateway with blocks; "": none
}

// QueryReport is what it gave.
type QueryReport struct {
	Days      int        `json:"days"`
	Questions []Question `json:"questions"`
	Journal   float64    `json:"journal"` // bytes a reading
	Blocks    float64    `json:"blocks"`
	Gateway   Process    `json:"gateway"` // after the questions with blocks
}

// Question is one question and how long answers took.
type Question struct {
	Name     string `json:"name"`
	Readings int    `json:"readings"` // that the answer rests on
	Cold     Times  `json:"cold"`     // nothing of the store in the page cache
	Warm     Times  `json:"warm"`
	Without  Times  `json:"without"` // without blocks, warm

	span time.Duration
	more string
}

// Times is how long answers took, in milliseconds.
type Times struct {
	Half   float64 `json:"p50"`
	Most   float64 `json:"p95"`
	All    float64 `json:"p99"`
	Number int     `json:"n"`
}

// Wide is String with p99 in place of p95, where there are many.
func (t Times) Wide() string { return digits(t.Half) + " / " + digits(t.All) }

func (t Times) String() string {
	if t.Number == 0 {
		return "–"
	}
	return digits(t.Half) + " / " + digits(t.Most)
}

func timesOf(all []time.Duration) Times {
	slices.Sort(all)
	ms := func(i int) float64 { return float64(all[i].Microseconds()) / 1000 }
	return Times{ms(len(all) / 2), ms(len(all) * 95 / 100), ms(len(all) * 99 / 100), len(all)}
}

// Query measures how long the gateway takes to answer from a large store.
func Query(ctx context.Context, o QueryOptions) (r QueryReport, err error) {
	s := &site{bin: o.Bin, dir: o.Dir, gatewayAt: gatewayHTTP, profiles: o.Profiles}
	defer func() { s.gateway.Kill() }()
	r.Days = o.Days
	day := 24 * time.Hour
	r.Questions = []Question{
		{Name: "an hour", span: time.Hour, more: "&format=ndjson"},
		{Name: "a day", span: day, more: "&format=ndjson"},
		{Name: "a day by minutes", span: day, more: "&step=1m&format=ndjson"},
		{Name: fmt.Sprintf("%d days by hours", o.Days), span: time.Duration(o.Days) * day, more: "&step=1h&format=ndjson"},
	}
	readings := float64(o.Nodes*o.Metrics*o.Days) * 86400
	blocks, err := filepath.Glob(filepath.Join(o.Dir, "data", "journal", "*.blk"))
	if err != nil {
		return r, err
	}
	var ofBlocks int64
	for _, path := range blocks {
		if info, err := os.Stat(path); err == nil {
			ofBlocks += info.Size()
		}
	}
	r.Blocks = float64(ofBlocks) / readings
	r.Journal = float64(size(filepath.Join(o.Dir, "data")))/readings - r.Blocks
	random := rand.New(rand.NewPCG(3, 4))
	ask := func(times int, into func(*Question) *Times, before func() error) error {
		for i := range r.Questions {
			q := &r.Questions[i]
			var took []time.Duration
			for range times {
				if err := before(); err != nil {
					return err
				}
				one, err := s.ask(ctx, q, o, random)
				if err != nil {
					return err
				}
				took = append(took, one)
			}
			*into(q) = timesOf(took)
		}
		return nil
	}
	config := func(bySeries bool) map[string]string {
		return map[string]string{"gateway.yaml": fmt.Sprintf("data: data\nretention: {by_series: %v}\nhttp: {listen: %q}\nsources: [{name: mqtt, mqtt_broker: {listen: %q}}]\n",
			bySeries, gatewayHTTP, brokerAddress)}
	}
	if err := s.files(config(true)); err != nil {
		return r, err
	}
	if err := s.startGateway(ctx); err != nil {
		return r, fmt.Errorf("%w; it wrote:\n%s", err, &s.log)
	}
	evict := func() error { return evictAll(filepath.Join(o.Dir, "data")) }
	nothing := func() error { return nil }
	if err := ask(o.Asked, func(q *Question) *Times { return &q.Cold }, evict); err != nil {
		return r, err
	}
	if err := ask(o.Asked, func(q *Question) *Times { return &q.Warm }, nothing); err != nil {
		return r, err
	}
	r.Gateway = process(s.gateway.Pid())
	if err := s.gateway.Stop(); err != nil {
		return r, err
	}
	for _, path := range blocks {
		if err := os.Remove(path); err != nil {
			return r, err
		}
	}
	s.profiles = ""
	if err := s.files(config(false)); err != nil {
		return r, err
	}
	if err := s.startGateway(ctx); err != nil {
		return r, fmt.Errorf("%w; it wrote:\n%s", err, &s.log)
	}
	if err := ask(max(1, o.Asked/8), func(q *Question) *Times { return &q.Without }, nothing); err != nil {
		return r, err
	}
	return r, s.gateway.Stop()
}

// ask asks for a random metric at a random time, and proves that the answer is whole.
func (s *site) ask(ctx context.Context, q *Question, o QueryOptions, random *rand.Rand) (time.Duration, error) {
	from := o.Began
	if room := time.Duration(o.Days)*24*time.Hour - q.span; room > 0 {
		from = from.Add(time.Duration(random.Int64N(int64(room))).Truncate(time.Hour))
	}
	url := fmt.Sprintf("http://%s/v1/readings?node=%s&device=plant&metric=%s&from=%d&to=%d%s", s.gatewayAt,
		PlantNode(random.IntN(o.Nodes)), PlantMetric(random.IntN(o.Metrics)), from.Unix(), from.Add(q.span).Unix(), q.more)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%s: %s", url, resp.Status)
	}
	n := 0
	rows := bufio.NewReaderSize(resp.Body, 256<<10)
	for {
		row, err := rows.ReadSlice('\n')
		if bytes.Contains(row, []byte(`"metric":`)) {
			n++
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, fmt.Errorf("%s: %w", url, err)
		}
	}
	took := time.Since(began)
	want := int(q.span / time.Second)
	if step, stepped := strings.CutPrefix(strings.TrimSuffix(q.more, "&format=ndjson"), "&step="); stepped {
		d, err := time.ParseDuration(step)
		if err != nil {
			return 0, err
		}
		want = int(q.span / d)
	}
	if n != want {
		return 0, fmt.Errorf("%s: %d rows, want %d", url, n, want)
	}
	q.Readings = int(q.span / time.Second)
	return took, nil
}

// evictAll puts the files of a folder out of the page cache.
func evictAll(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return err
		}
		return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	})
}
