package history

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"fieldpost/api"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// Catalogue knows every series with its unit, type, labels, first and last reading. It is in memory, some 500 bytes a series, kept up by
// the Readers that share it, and can be written to a journal.State. Safe for concurrent use.
type Catalogue struct {
	mu      sync.RWMutex
	nodes   map[string]*catalogueNode
	covered map[uint8]uint64 // by Reader: all before this position is in here
}

type catalogueNode struct {
	series map[deviceMetric]*catalogued
	dirty  bool
}

type deviceMetric struct{ device, metric string }

type catalogued struct {
	table       uint64 // the table that told unit, kind and labels
	unit        string
	kind        telemetry.Kind
	labels      map[string]string
	derived     bool
	round       frame.Rounding
	first, last place
}

// place is a point and the frame that holds it.
type place struct {
	api.Point
	reader uint8
	pos    uint64
	unset  bool // its time may yet be put right
	stale  bool // to be looked up again before it is shown: the frame is gone, or its clock has become known
	ok     bool // there is a point
}

// NewCatalogue returns an empty one.
func NewCatalogue() *Catalogue {
	return &Catalogue{nodes: map[string]*catalogueNode{}, covered: map[uint8]uint64{}}
}

// Len returns how many series there are.
func (c *Catalogue) Len() (n int) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, node := range c.nodes {
		n += len(node.series)
	}
	return n
}

// Covered returns the position of reader's journal from which on frames are not yet in the catalogue.
func (c *Catalogue) Covered(reader uint8) uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.covered[reader]
}

// add takes over a frame's spans. A frame that comes twice does no harm.
func (c *Catalogue) add(reader uint8, pos uint64, h frame.Header, t *Table, spans []Span, delta int64, unset bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.covered[reader] = max(c.covered[reader], pos+uint64(h.Count))
	if t == nil {
		return
	}
	n := c.nodes[h.Node]
	if n == nil {
		n = &catalogueNode{series: map[deviceMetric]*catalogued{}}
		c.nodes[h.Node] = n
	}
	n.dirty = n.dirty || len(spans) > 0
	for i := range spans {
		s := &spans[i]
		if int(s.Series) >= len(t.Series) {
			continue
		}
		info := &t.Series[s.Series]
		key := deviceMetric{info.Device, info.Name}
		e := n.series[key]
		if e == nil {
			e = &catalogued{}
			n.series[key] = e
		}
		if e.table != t.Hash {
			e.table, e.unit, e.kind, e.labels, e.derived, e.round = t.Hash, info.Unit, info.Kind, info.Labels, info.Derived, info.Rounding
		}
		first := place{Point: s.First, reader: reader, pos: pos, unset: unset && !s.FirstStamped, ok: true}
		last := place{Point: s.Last, reader: reader, pos: pos, unset: unset && !s.LastStamped, ok: true}
		if !s.FirstStamped {
			first.Time = shift(first.Time, delta)
		}
		if !s.LastStamped {
			last.Time = shift(last.Time, delta)
		}
		if !e.first.ok || first.Time < e.first.Time {
			e.first = first
		}
		if !e.last.ok || last.Time >= e.last.Time {
			e.last = last
		}
	}
}

// Forget says that reader's journal holds nothing before pos any more: points from there are looked up anew when next asked for.
func (c *Catalogue) Forget(reader uint8, pos uint64) {
	c.mark(func(_ string, p *place) bool { return p.reader == reader && p.pos < pos })
}

// ForgetTimes says that more is known of node's clock: points whose time was in doubt are looked up anew.
func (c *Catalogue) ForgetTimes(node string) {
	c.mark(func(name string, p *place) bool { return name == node && p.unset })
}

func (c *Catalogue) mark(stale func(node string, p *place) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, n := range c.nodes {
		for _, e := range n.series {
			for _, p := range []*place{&e.first, &e.last} {
				if p.ok && !p.stale && stale(name, p) {
					p.stale, n.dirty = true, true
				}
			}
		}
	}
}

// match calls f for each series that q lets through, in no order, with the lock held.
func (c *Catalogue) match(q api.Filter, f func(telemetry.Series, *catalogued)) {
	visit := func(name string, n *catalogueNode) {
		for key, e := range n.series {
			if (q.Device == "" || q.Device == key.device) && (q.Metric == "" || q.Metric == key.metric) {
				f(telemetry.Series{Node: name, Device: key.device, Metric: key.metric}, e)
			}
		}
	}
	if q.Node != "" {
		if n := c.nodes[q.Node]; n != nil {
			visit(q.Node, n)
		}
		return
	}
	for name, n := range c.nodes {
		visit(name, n)
	}
}

// Match lists the series whose readings f asks for, in order. What a reducer computed is among them only if f names the metric.
func (c *Catalogue) Match(f api.Filter) []telemetry.Series {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var out []telemetry.Series
	c.match(f, func(s telemetry.Series, e *catalogued) {
		if !e.derived || f.Metric != "" {
			out = append(out, s)
		}
	})
	slices.SortFunc(out, compareSeries)
	return out
}

// listed is a series as the catalogue has it, and whether its ends must be looked up.
type listed struct {
	api.Series
	stale bool
}

func (c *Catalogue) list(f api.Filter) []listed {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var out []listed
	c.match(f, func(s telemetry.Series, e *catalogued) {
		l := listed{Series: api.Series{Series: s, Unit: e.unit, Kind: e.kind, Round: e.round, Labels: maps.Clone(e.labels)}}
		if e.first.ok {
			p := e.first.Point
			l.First = &p
		}
		if e.last.ok {
			p := e.last.Point
			l.Last = &p
		}
		l.stale = e.first.stale || e.last.stale
		out = append(out, l)
	})
	slices.SortFunc(out, func(a, b listed) int { return compareSeries(a.Series.Series, b.Series.Series) })
	return out
}

// refresh replaces the stale ends of s by what was looked up; nil for both takes the series out.
func (c *Catalogue) refresh(s telemetry.Series, first, last *place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.nodes[s.Node]
	if n == nil {
		return
	}
	key := deviceMetric{s.Device, s.Metric}
	e := n.series[key]
	if e == nil {
		return
	}
	n.dirty = true
	if e.first.stale {
		e.first = place{}
		if first != nil {
			e.first = *first
		}
	}
	if e.last.stale {
		e.last = place{}
		if last != nil {
			e.last = *last
		}
	}
	if !e.first.ok && !e.last.ok {
		delete(n.series, key)
	}
}

func compareSeries(a, b telemetry.Series) int {
	return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Device, b.Device), cmp.Compare(a.Metric, b.Metric))
}
