package forwarder

import "time"

// choice is which coding a link's frames have now, and what it rests on. Auto asks of each coding what share of a processor it would take, and chooses the densest that takes
// little of it: the work is measured in time that passed, so that a processor that has others to serve counts as a slower one.
type choice struct {
	set    Coding
	budget int64 // bytes a day; 0: none
	now    Coding

	sizes map[Coding]float64 // bytes a reading, lately
	costs map[Coding]float64 // seconds a reading, lately

	last    time.Time // of the last look
	shipped float64   // readings since
	flow    float64   // readings a second, lately
	changed time.Time

	// Bytes on the socket at two instants, an hour apart.
	mark, newer           time.Time
	markBytes, newerBytes uint64
}

const (
	choiceEvery = time.Second

	// shareMost is the share of a processor that coding may take; a coding that takes more than twice that gives way.
	shareMost = 0.25

	// choiceRest is how long a coding stays before a denser one is tried: the change costs a cold frame.
	choiceRest = 30 * time.Second

	// What is not in use is not measured: what it cost, perhaps while the processor had much else to do, is believed half after some quarter of an hour.
	forgive = 0.9992

	// Where the budget would not do, coding may take all of it.
	shareOverBudget = 1
)

func newChoice(set Coding, budget int64) choice {
	c := choice{set: set, budget: budget, now: set, sizes: map[Coding]float64{Plain: 2, Light: 1, Full: 0.9}, costs: map[Coding]float64{Light: 2e-6, Full: 4e-6}}
	if set == Auto {
		c.now = Full
	}
	return c
}

// size notes what a frame takes.
func (c *choice) size(coding Coding, bytes, records int) {
	lately(c.sizes, coding, float64(bytes)/float64(records), records)
}

// spent notes how long a frame took to code.
func (c *choice) spent(coding Coding, d time.Duration, records int) {
	lately(c.costs, coding, d.Seconds()/float64(records), records)
}

// lately moves a mean by what a few hundred readings weigh.
func lately(m map[Coding]float64, coding Coding, x float64, records int) {
	const memory = 1000
	m[coding] += (x - m[coding]) * float64(min(records, memory)) / (memory + float64(min(records, memory)))
}

// choose looks at which coding the next frames are to have.
func (c *connection) choose(now time.Time) {
	choice := &c.s.coder.choice
	if choice.set != Auto || now.Sub(choice.last) < choiceEvery {
		return
	}
	behind := false
	for _, q := range c.share.order() {
		behind = behind || q != alarmQueue && c.plenty(q) && c.ledger.due(q) > 0
	}
	counted := c.s.o.Dialer.Counters()
	choice.look(now, c.window.rate.best(), behind, choice.aDay(now, counted.In.Socket+counted.Out.Socket))
}

// aDay returns how many bytes a day the link takes, by what it took in the last hour or two; 0 while that is not known.
func (c *choice) aDay(now time.Time, socket uint64) float64 {
	const span, least = time.Hour, 10 * time.Minute
	switch {
	case c.mark.IsZero():
		c.mark, c.markBytes, c.newer, c.newerBytes = now, socket, now, socket
	case now.Sub(c.newer) >= span:
		c.mark, c.markBytes, c.newer, c.newerBytes = c.newer, c.newerBytes, now, socket
	}
	if passed := now.Sub(c.mark); passed >= least {
		return float64(socket-c.markBytes) / passed.Hours() * 24
	}
	return 0
}

// look chooses, once a second: rate is what the link takes in bytes a second, behind whether readings wait for it, spent what it takes a day at the present pace.
func (c *choice) look(now time.Time, rate float64, behind bool, spent float64) {
	if passed := now.Sub(c.last).Seconds(); !c.last.IsZero() {
		c.flow += (c.shipped/passed - c.flow) * min(1, passed/30)
	}
	c.last, c.shipped = now, 0
	for _, coding := range [...]Coding{Light, Full} {
		if coding != c.now {
			c.costs[coding] *= forgive
		}
	}
	most := shareMost
	if c.budget > 0 && spent > 0.8*float64(c.budget) {
		most = shareOverBudget
	}
	for _, coding := range [...]Coding{Full, Light, Plain} {
		demand := c.flow
		if behind {
			demand = max(demand, rate/c.sizes[coding])
		}
		limit := most
		if coding == c.now {
			limit = min(2*limit, shareOverBudget)
		}
		if coding != Plain && demand*c.costs[coding] > limit {
			continue
		}
		if coding == c.now {
			return
		}
		if denser(coding, c.now) && now.Sub(c.changed) < choiceRest {
			return
		}
		c.now, c.changed = coding, now
		return
	}
}

func denser(a, b Coding) bool {
	rank := map[Coding]int{Plain: 0, Light: 1, Full: 2}
	return rank[a] > rank[b]
}
