package forwarder

import (
	"time"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
	"fieldpost/telemetry/frame/dense"
	"fieldpost/telemetry/wire"
)

// Coding is how a link codes its frames.
type Coding string

// The codings. A gateway that reads no dense frames gets plain ones, whatever is set.
const (
	Plain Coding = "plain" // as the journal has them
	Light Coding = "light" // dense, at a third of the work
	Full  Coding = "full"  // dense
	Auto  Coding = "auto"  // the densest that the processor has time for, as the link and the readings go
)

const (
	// denseRecords bounds the records of a dense frame: more would save nothing to speak of, and keep a small processor from the link for long.
	denseRecords = 2048

	// giveUp is how often in a row the gateway may fail to read what was sent anew before the connection goes on plain.
	giveUp = 3
)

// coder makes dense frames of plain ones, and keeps the coder states of a link (delivery rule 26). They outlive connections.
type coder struct {
	chain   dense.Chain
	acked   map[uint64]bool // names of those of them whose frames are on the gateway's disk
	encoder map[dense.Effort]*dense.Encoder
	choice  choice
	frames  uint64 // dense ones that went
	colds   uint64 // of them

	// Of the connection.
	speaks bool // the gateway reads dense frames
	known  dense.Known
	era    int // of chains: what is refused of an earlier one says nothing new
	failed int // chains in a row that the gateway could not read

	records  []frame.Record
	table    uint64 // that roundings are of
	rounding []frame.Rounding
}

func newCoder(o Options) coder {
	return coder{
		acked:   map[uint64]bool{},
		encoder: map[dense.Effort]*dense.Encoder{dense.Light: dense.NewEncoder(dense.Light), dense.Full: dense.NewEncoder(dense.Full)},
		choice:  newChoice(o.Coding, o.Budget),
	}
}

// greet notes what a hello tells the gateway that goes before all frames, and returns the names of the states to go on from.
func (c *coder) greet(node string, h *wire.Hello) []uint64 {
	epoch, next, boot := h.Newest()
	c.known = dense.Known{Node: node, Epoch: epoch, Lane: telemetry.Live, Boot: boot.Boot, Clock: boot.Clock, Offset: boot.Offset, Next: next}
	return c.chain.Names()
}

// welcomed keeps those states that the gateway has. What it has is as good as acknowledged.
func (c *coder) welcomed(w *wire.Welcome) {
	c.speaks = w.Codings&(1<<frame.Dense) != 0
	c.chain = c.chain.Only(w.Bases)
	clear(c.acked)
	for _, name := range c.chain.Names() {
		c.acked[name] = true
	}
	c.era, c.failed = c.era+1, 0
}

// took notes that a frame is on the gateway's disk: others can be coded by what is known after it.
func (c *coder) took(state uint64) {
	if state == 0 {
		return
	}
	c.failed = 0
	c.acked[state] = true
	if len(c.acked) > 16*dense.MaxBases {
		names := map[uint64]bool{}
		for _, name := range c.chain.Names() {
			names[name] = c.acked[name]
		}
		c.acked = names
	}
}

// unread notes that the gateway cannot read a frame of an era: the next one is cold. It reports whether the connection goes on plain from now on.
func (c *coder) unread(era int) (plain bool) {
	if era != c.era {
		return false
	}
	c.chain = dense.Chain{}
	c.era++
	if c.failed++; c.failed < giveUp {
		return false
	}
	c.speaks = false
	return true
}

// coding returns what the next frame is coded as.
func (c *coder) coding() Coding {
	if !c.speaks {
		return Plain
	}
	return c.choice.now
}

// stretch is how many bytes of plain frames go into one byte on the link.
func (c *coder) stretch() float64 {
	coding := c.coding()
	if coding == Plain {
		return 1
	}
	return max(1, c.choice.sizes[Plain]/c.choice.sizes[coding])
}

// code makes p's frame dense, where that is how it is to go: of at most limit bytes, as far as one record allows. What it cannot code stays plain.
func (c *coder) code(p *parcel, limit int) {
	coding := c.coding()
	h := p.header
	if h.Content != frame.Readings {
		return
	}
	if coding == Plain {
		c.choice.size(Plain, len(p.data), int(h.Count))
		return
	}
	effort := dense.Full
	if coding == Light {
		effort = dense.Light
	}
	base := c.chain.Last(func(name uint64) bool { return c.acked[name] })
	chain := c.chain
	if base != nil && base.Effort() != effort {
		base, chain = nil, dense.Chain{}
	}
	c.encoder[effort].Allowed = c.rounding
	for {
		began := time.Now()
		var err error
		if _, c.records, err = frame.Decode(p.data, c.records[:0]); err != nil {
			return // the gateway says what is wrong with it
		}
		data, then, state, err := c.encoder[effort].Encode(nil, p.header, c.records, c.known, chain, base)
		if err != nil {
			return
		}
		n := int(p.header.Count)
		c.choice.spent(coding, time.Since(began), n)
		c.choice.size(Plain, len(p.data), n)
		if len(data) > limit && n > 1 {
			most := max(1, min(n-1, n*limit/len(data)))
			cut, err := frame.Cut(nil, p.data, p.header.First, p.header.First+uint64(most)-1)
			if err != nil {
				return
			}
			h, err := frame.ParseHeader(cut)
			if err != nil {
				return
			}
			p.header, p.data = h, cut
			continue
		}
		c.choice.size(coding, len(data), n)
		p.dense, p.chain, p.state, p.era, p.cold = data, then, state.Name(), c.era, base == nil
		return
	}
}

// allow takes what a table says of how its series may be rounded.
func (c *coder) allow(hash uint64, table func(uint64) ([]byte, error)) {
	if hash == c.table || hash == 0 {
		return
	}
	b, err := table(hash)
	if err != nil {
		c.table, c.rounding = 0, nil // as they are, then
		return
	}
	t, err := frame.DecodeTable(b)
	if err != nil {
		c.table, c.rounding = 0, nil
		return
	}
	c.table, c.rounding = hash, nil
	for i, s := range t.Series() {
		if s.Rounding != (frame.Rounding{}) {
			c.rounding = append(c.rounding, make([]frame.Rounding, i+1-len(c.rounding))...)
			c.rounding[i] = s.Rounding
		}
	}
}

// shipped notes that a frame is on its way.
func (c *coder) shipped(p *parcel) {
	if p.dense != nil {
		c.chain = p.chain
		c.frames++
		if p.cold {
			c.colds++
		}
	}
	c.choice.shipped += float64(p.header.Count)
}

// onUnread gives back the window slot of a dense frame that the gateway cannot read, and whose records it cannot name.
func (c *connection) onUnread(id uint64) {
	s := c.flight.unread(id)
	if s == nil {
		return
	}
	if c.s.coder.unread(s.era) {
		c.s.log.Warn("the gateway cannot read dense frames of this link; until it is connected again they are plain", "attempt", giveUp)
	}
	c.ledger.work()
}
