package lane

import (
	"context"
	"iter"

	"fieldpost/api"
	"fieldpost/history"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// A Book answers for the node's own history. It is no api.FeedSelector: four lanes have no one commit order.
var (
	_ api.Selector      = (*Book)(nil)
	_ api.EventSelector = (*Book)(nil)
)

func (b *Book) historyOptions() history.Options {
	return history.Options{Catalogue: b.past, Clock: b.resolve}
}

// resolve says what is known by now of the clock under which a frame was taken.
func (b *Book) resolve(h frame.Header) (delta int64, unset bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, row := range b.boots {
		if row.Boot == h.Boot {
			return history.Resolve(h, row, true)
		}
	}
	return history.Resolve(h, wire.Boot{}, false)
}

// remember takes what was committed into index and catalogue.
func (b *Book) remember(w *writer, made batch, tab *table) {
	reader := w.history()
	if reader == nil {
		return
	}
	for i, e := range made.entries {
		t := tab.parsed
		if w.lane == telemetry.Alarm {
			t = nil
		}
		reader.AddEntry(e, made.heads[i], t, made.spans[i])
	}
}

// merged returns the history of all lanes that are open.
func (b *Book) merged() *history.Merged {
	var readers []*history.Reader
	for _, w := range b.writers {
		if r := w.history(); r != nil {
			readers = append(readers, r)
		}
	}
	return history.Merge(b.past, readers...)
}

// Nodes is api.Selector: this node alone, by what its own disk holds. Missing is what no gateway has yet, nothing where there is no link; online says that it runs.
func (b *Book) Nodes(context.Context) ([]api.Node, error) {
	now, _ := b.clock.Now()
	n := api.Node{Node: b.o.Node, Online: true, LastSeen: now, Labels: b.o.Labels}
	hello := b.Hello()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range hello.Epochs {
		for _, l := range e.Lanes {
			if l.Next == l.First {
				continue
			}
			out := api.Lane{
				Lane: l.Lane, Epoch: e.Epoch, Stored: l.Kept.Len(), Highest: l.Next - 1,
				Missing: l.Kept.Minus(b.safe(l.Lane)).Minus(l.Held), Held: l.Held,
			}
			for _, x := range l.Lost {
				out.Lost = append(out.Lost, api.Loss{Range: x.Range, Reason: x.Reason.String(), Time: x.Time})
			}
			n.Lanes = append(n.Lanes, out)
		}
	}
	return []api.Node{n}, nil
}

// Series is api.Selector.
func (b *Book) Series(ctx context.Context, f api.Filter) ([]api.Series, error) {
	return b.merged().Series(ctx, f)
}

// Readings is api.Selector.
func (b *Book) Readings(ctx context.Context, q api.Query) iter.Seq2[api.Reading, error] {
	return b.merged().Readings(ctx, q)
}

// Events is api.EventSelector.
func (b *Book) Events(ctx context.Context, q api.EventQuery) iter.Seq2[api.Event, error] {
	return b.merged().Events(ctx, q)
}

// safe returns what of a lane needs this disk no longer: what every gateway met so far has, or, where there is no link, all of it. The
// caller holds mu.
func (b *Book) safe(l telemetry.Lane) ranges.Set {
	if b.o.StandAlone {
		return ranges.Make(ranges.Range{From: 0, To: ^uint64(0)})
	}
	return b.ledger.safe(l)
}
