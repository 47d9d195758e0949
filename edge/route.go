package edge

import (
	"context"
	"slices"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// clear empties scratch.
func (d *device) clear() {
	for i := range d.scratch {
		d.scratch[i] = d.scratch[i][:0]
	}
}

// in returns the scratch of a lane.
func (d *device) in(l telemetry.Lane) *[]frame.Record {
	return &d.scratch[slices.Index(lanesOfReadings[:], l)]
}

// route puts a reading into the scratch of its one lane (delivery rule 4), unless it has to wait there for its successor.
func (d *device) route(m *quantity, rec frame.Record, mono int64) {
	into := d.in(m.lane)
	if m.reducer == nil {
		*into = append(*into, rec)
		return
	}
	archive := d.in(telemetry.Archive)
	before := len(*archive)
	*into, *archive = m.reducer.Next(rec, mono, *into, *archive)
	d.held(before)
}

// held counts what the scratch of the archive lane has got beyond n, and forgets it where nothing is archived.
func (d *device) held(n int) {
	archive := d.in(telemetry.Archive)
	d.reduced += uint64(len(*archive) - n)
	if !d.book.Archiving() {
		*archive = (*archive)[:n]
	}
}

// settle sends the held-back readings that wait for a successor on their way. Nothing that was taken under one regime of the clock may wait for
// what comes under another, for a frame has one only (delivery rule 19). The caller holds feed.
func (d *device) settle(ctx context.Context) {
	d.mu.Lock()
	d.clear()
	archive := d.in(telemetry.Archive)
	for _, name := range d.order {
		if r := d.metrics[name].reducer; r != nil {
			*archive = r.Flush(*archive)
		}
	}
	d.held(0)
	d.mu.Unlock()
	d.queue(ctx, d.regime)
}

// end settles what waits when no more reports will come.
func (d *device) end(ctx context.Context) {
	d.feed.Lock()
	defer d.feed.Unlock()
	d.settle(ctx)
}
