package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"time"

	"fieldpost/api"
	"fieldpost/history/blocks"
	"fieldpost/journal"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/ranges"
)

const (
	// Of the open segment blocks are made by such stretches, bytes of the segment, once each series has some records in one.
	stretchBytes = 8 << 20
	stretchEach  = 256
	// hasty is so many records between two looks that the open segment will be sealed soon: its stretches are not worth it then.
	hasty = 1 << 20
	// batchRecords bounds the records that are decoded at a time: 56 bytes each, and as much again while slices grow.
	batchRecords = 1 << 18
	// chunkSpan is what a chunk keeps to, so that questions by hours and more are answered by summaries, once it has leastChunk records.
	chunkSpan  = telemetry.Time(time.Hour)
	leastChunk = 32
	// chunkText bounds the bytes of texts in a chunk, so that its frame is not too large.
	chunkText = frame.MaxSize / 2
)

// Blocks returns the bytes on disk of all blocks, and how many positions of the journal are still to get theirs.
func (r *Reader) Blocks() (bytes int64, missing uint64) {
	if r.blocks == nil {
		return 0, 0
	}
	for seg, first := range r.lacking() {
		missing += seg.Next - first
	}
	return r.blocks.Size(), missing
}

// lacking yields, newest first, the segments of which blocks are to be made, and from which position on.
func (r *Reader) lacking() iter.Seq2[journal.Segment, uint64] {
	return func(yield func(journal.Segment, uint64) bool) {
		covered := r.blocks.Covered()
		for _, seg := range slices.Backward(r.journal.Segments()) {
			first := seg.First
			if run, ok := covered.Around(first); ok && !seg.Sealed {
				first = run.To + 1
			}
			switch {
			case first >= seg.Next, seg.Sealed && r.blocks.Whole(first, seg.Next), !seg.Sealed && !r.worth(seg, first):
				continue
			}
			if !yield(seg, first) {
				return
			}
		}
	}
}

// OldestBlock returns the position before which the oldest blocks end; 0 if there are none.
func (r *Reader) OldestBlock() uint64 {
	if r.blocks == nil {
		return 0
	}
	return r.blocks.Oldest()
}

// DropOldestBlock makes room: the journal has all that was in it. It reports whether there was one.
func (r *Reader) DropOldestBlock() bool {
	oldest := r.OldestBlock()
	if oldest > 0 {
		r.blocks.Drop(oldest)
	}
	return oldest > 0
}

// Transpose makes the blocks of one more stretch of the journal, the newest that lacks them, and reports whether there was one. room is asked
// whether some bytes may be taken for blocks of what ends before a position. While the journal grows it leaves the machine to others half of the time, and most
// of it where the journal grows faster than blocks are made. It is not to be called more than once at a time.
func (r *Reader) Transpose(ctx context.Context, room func(bytes int64, end uint64) bool) (did bool, err error) {
	if r.blocks == nil {
		return false, nil
	}
	before := r.looked
	r.looked = r.journal.Next()
	for seg, first := range r.lacking() {
		if !seg.Sealed && r.looked-before > hasty {
			continue
		}
		bytes := int64(float64(seg.Size) * float64(seg.Next-first) / float64(seg.Next-seg.First))
		if !room(bytes, seg.Next) {
			return false, nil
		}
		if err := r.transpose(ctx, seg, first); err != nil {
			return false, fmt.Errorf("make blocks of positions %d to %d: %w", first, seg.Next-1, err)
		}
		return true, nil
	}
	return false, nil
}

// worth reports whether the open segment has enough from first on.
func (r *Reader) worth(seg journal.Segment, first uint64) bool {
	records := seg.Next - first
	return float64(seg.Size)*float64(records)/float64(seg.Next-seg.First) >= float64(r.stretch) && records >= stretchEach*uint64(r.series.Len())
}

// transpose makes the part of the positions from first to the end of seg.
func (r *Reader) transpose(ctx context.Context, seg journal.Segment, first uint64) error {
	proof, err := r.proof(first, seg.Next)
	if err != nil {
		return err
	}
	nodes, err := r.byNode(first, seg.Next)
	if err != nil {
		return err
	}
	w, err := r.blocks.Create(seg.First, first, seg.Next, seg.Sealed, proof)
	if err != nil {
		return err
	}
	t := &transposer{reader: r, w: w, series: map[telemetry.Series]*gathered{}}
	for _, name := range slices.Sorted(maps.Keys(nodes)) {
		for _, at := range nodes[name] {
			if err = t.take(ctx, at); err != nil {
				w.Abandon()
				return err
			}
		}
	}
	t.flush()
	// What was read may have been damaged, dropped or salvaged meanwhile.
	if is, err := r.proof(first, seg.Next); err != nil || is != proof {
		w.Abandon()
		return err
	}
	return w.Finish()
}

// byNode returns the runs of neighbouring frames of readings among some positions, by node, in order.
func (r *Reader) byNode(first, next uint64) (map[string][]ranges.Range, error) {
	nodes := map[string][]ranges.Range{}
	var long []uint64
	add := func(pos uint64, h frame.Header) {
		if h.Content != frame.Readings {
			return
		}
		runs := nodes[h.Node]
		if n := len(runs); n > 0 && runs[n-1].To+1 == pos && runs[n-1].Len() < batchRecords/4 {
			runs[n-1].To += uint64(h.Count)
			return
		}
		nodes[h.Node] = append(runs, ranges.Of(pos, uint64(h.Count)))
	}
	err := r.journal.Heads(first, frame.HeadSize, func(e journal.Entry) error {
		if e.Pos >= next {
			return journal.ErrStop
		}
		h, err := frame.ParseHeader(e.Data)
		switch {
		case err == nil:
			add(e.Pos, h)
		case errors.Is(err, frame.ErrShort):
			long = append(long, e.Pos)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read headers from %d on: %w", first, err)
	}
	for _, pos := range long {
		if err := r.each(ranges.Of(pos, 1), func(e entry) { add(e.Pos, e.header) }); err != nil {
			return nil, err
		}
	}
	if len(long) > 0 {
		for _, runs := range nodes {
			slices.SortFunc(runs, func(a, b ranges.Range) int { return cmp.Compare(a.From, b.From) })
		}
	}
	return nodes, nil
}

// transposer gathers records by series.
type transposer struct {
	reader *Reader
	w      *blocks.Writer
	held   int // records in series
	series map[telemetry.Series]*gathered
	buf    []frame.Selected
	began  time.Time // of the batch
	next   uint64    // of the journal, then
}

// gathered is the records of one series: the chunk that grows, and those that are done.
type gathered struct {
	header  frame.Header // of the chunk's frame
	source  frame.Header // the last frame of which there are records
	recs    []frame.Record
	places  []uint32
	sources []blocks.Source
	text    int // bytes
	hour    telemetry.Time
	done    []finished
}

type finished struct {
	blocks.Chunk
	blocks.Content
}

// take gathers the records of some frames.
func (t *transposer) take(ctx context.Context, at ranges.Range) error {
	if t.held == 0 {
		t.began, t.next = time.Now(), t.reader.journal.Next()
	}
	if err := t.reader.each(at, t.add); err != nil {
		return err
	}
	if t.held < batchRecords {
		return ctx.Err()
	}
	t.flush()
	pause := time.Since(t.began)
	switch grew := t.reader.journal.Next() - t.next; {
	case grew == 0:
		return ctx.Err()
	case grew > batchRecords:
		pause *= 9
	}
	select {
	case <-time.After(pause):
	case <-ctx.Done():
	}
	return ctx.Err()
}

func (t *transposer) add(e entry) {
	table, err := t.reader.table(e.Pos, e.header)
	if err != nil {
		t.reader.unreadable(e.Pos, err)
		return
	}
	if _, t.buf, err = frame.DecodeByColumn(e.Data, t.buf[:0]); err != nil {
		t.reader.unreadable(e.Pos, err)
		return
	}
	recs := t.buf
	for _, c := range e.header.Columns {
		info := &table.Series[c.Series]
		name := telemetry.Series{Node: e.header.Node, Device: info.Device, Metric: info.Name}
		g := t.series[name]
		if g == nil {
			g = &gathered{}
			t.series[name] = g
		}
		t.gather(g, e, recs[:c.Count])
		recs = recs[c.Count:]
	}
	t.held += len(t.buf)
}

// gather adds the records of one column of a frame to those of their series.
func (t *transposer) gather(g *gathered, e entry, recs []frame.Selected) {
	h := &e.header
	if len(g.recs) > 0 && (!sameClock(&g.header, h) || h.First <= g.source.Last() || h.Last()-g.header.First > math.MaxUint32 || g.recs[0].Series != recs[0].Series) {
		t.finish(g)
	}
	g.source = *h
	g.source.Columns = nil
	if len(g.recs) > 0 {
		g.sources = append(g.sources, blocks.Source{Pos: e.Pos, Mark: e.Mark})
	}
	for i := range recs {
		rec := &recs[i]
		seq := h.First + uint64(rec.Place)
		if n := len(g.recs); n > 0 && (n == blocks.MaxChunk || n >= leastChunk && (rec.Time < g.hour || rec.Time-g.hour >= chunkSpan) ||
			g.text+len(rec.Value.Text()) > chunkText) {
			t.finish(g)
		}
		if len(g.recs) == 0 {
			g.header = g.source
			g.header.First = seq
			g.hour = api.SpanStart(rec.Time, chunkSpan)
			g.sources = append(g.sources[:0], blocks.Source{Pos: e.Pos, Mark: e.Mark})
		}
		g.recs = append(g.recs, rec.Record)
		g.places = append(g.places, uint32(seq-g.header.First))
		g.sources[len(g.sources)-1].Readings++
		g.text += len(rec.Value.Text())
	}
}

// sameClock reports whether records of b can stand in one frame with those of a.
func sameClock(a, b *frame.Header) bool {
	return a.Node == b.Node && a.Epoch == b.Epoch && a.Lane == b.Lane && a.Boot == b.Boot && a.Clock == b.Clock && a.Offset == b.Offset && a.Table == b.Table
}

// finish makes a chunk of what g has gathered.
func (t *transposer) finish(g *gathered) {
	c := finished{Chunk: blocks.Chunk{
		Pos: g.sources[0].Pos, Count: len(g.recs), Min: g.recs[0].Time, Max: g.recs[0].Time, Doubtful: g.header.Clock.Doubtful(),
		Table: g.header.Table, Column: g.recs[0].Series,
	}}
	for i := range g.recs {
		rec := &g.recs[i]
		c.Min, c.Max = min(c.Min, rec.Time), max(c.Max, rec.Time)
		c.Summary.Add(rec.Value, rec.Quality)
	}
	var err error
	if c.Frame, err = frame.Encode(nil, g.header, g.recs); err != nil {
		// It cannot be: what it holds came out of frames, and is bounded. Nobody is served by a part that lacks it.
		t.w.Fail(fmt.Errorf("encode %d records of series %d: %w", len(g.recs), c.Column, err))
	}
	c.Sources, c.Places = slices.Clone(g.sources), slices.Clone(g.places)
	g.done = append(g.done, c)
	g.recs, g.places, g.sources, g.text = g.recs[:0], g.places[:0], g.sources[:0], 0
}

// flush writes all that is gathered, the chunks of a series one after the other. What of a series takes memory stays for the next batch, which is mostly of
// the same ones.
func (t *transposer) flush() {
	for _, s := range slices.SortedFunc(maps.Keys(t.series), compareSeries) {
		g := t.series[s]
		if len(g.recs) > 0 {
			t.finish(g)
		}
		if len(g.done) == 0 {
			delete(t.series, s)
			continue
		}
		for i := range g.done {
			t.w.Add(s, g.done[i].Chunk, &g.done[i].Content)
			g.done[i] = finished{}
		}
		g.done = g.done[:0]
	}
	t.held = 0
}
