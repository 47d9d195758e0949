package torture

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// Report is what a schedule came to.
type Report struct {
	Seed    uint64    `json:"seed"`
	Shape   string    `json:"shape"`   // what it was played on
	Actions []string  `json:"actions"` // what was done, in order
	Seconds float64   `json:"seconds"`
	Lanes   []Account `json:"lanes"`
	Faults  []string  `json:"faults,omitempty"` // what is wrong, the first few of each kind
}

// Account is what became of the readings of one lane.
type Account struct {
	Lane       string `json:"lane"`
	Produced   int    `json:"produced"`   // told by the instruments
	Unseen     int    `json:"unseen"`     // of these, nobody saw on a disk: on the line or unseen only when the edge was ended, or soon dropped for want of room
	Committed  int    `json:"committed"`  // seen on the edge's disk
	RolledBack int    `json:"rolledBack"` // of these, gone with a folder that was put back, before they were sent
	GivenUp    int    `json:"givenUp"`    // of these, dropped by an edge without room and told as lost: full
	Delivered  int    `json:"delivered"`  // at the gateway
	Lost       int    `json:"lost"`       // committed, not rolled back, not at the gateway
	Doubled    int    `json:"doubled"`    // at the gateway under two identities, or twice under one
	Disorder   int    `json:"disorder"`   // before an older one of the same series
	Altered    int    `json:"altered"`    // other content under an identity than was committed
	Gaps       int    `json:"gaps"`       // sequences that the gateway calls missing or lost without a reason that holds
}

// Failed reports whether the promise was broken.
func (r Report) Failed() bool {
	return slices.ContainsFunc(r.Lanes, func(a Account) bool { return a.Lost+a.Doubled+a.Disorder+a.Altered+a.Gaps > 0 })
}

// most is how many schedules have a row of their own in a table.
const most = 25

// Print writes a table: of each schedule if they are few, else of all that were played on one shape; then what was done how often, and what was wrong.
func Print(w io.Writer, reports []Report) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "played on\tschedules\tactions\tseconds\tlane\tproduced\tunseen\tcommitted\trolled back\tgiven up\tdelivered\tlost\tdoubled\tout of order\taltered\tgaps\t")
	var all sum
	sums := map[string]*sum{}
	for _, r := range reports {
		key := r.Shape
		if len(reports) <= most {
			key = fmt.Sprintf("%s, seed %d", r.Shape, r.Seed)
		}
		if sums[key] == nil {
			sums[key] = &sum{}
		}
		sums[key].add(r)
		all.add(r)
	}
	for _, key := range slices.Sorted(maps.Keys(sums)) {
		sums[key].rows(t, key)
	}
	if len(sums) > 1 {
		all.rows(t, "all")
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "done:", all.done())
	for _, r := range reports {
		for _, f := range r.Faults {
			if _, err := fmt.Fprintf(w, "seed %d (%s): %s\n", r.Seed, r.Shape, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// sum is what several schedules came to.
type sum struct {
	schedules int
	seconds   float64
	actions   map[string]int
	lanes     []Account
}

func (s *sum) add(r Report) {
	if s.actions == nil {
		s.actions = map[string]int{}
	}
	s.schedules++
	s.seconds += r.Seconds
	for _, a := range r.Actions {
		s.actions[a]++
	}
	for _, a := range r.Lanes {
		i := slices.IndexFunc(s.lanes, func(have Account) bool { return have.Lane == a.Lane })
		if i < 0 {
			i = len(s.lanes)
			s.lanes = append(s.lanes, Account{Lane: a.Lane})
		}
		s.lanes[i].add(a)
	}
}

func (s *sum) rows(w io.Writer, name string) {
	actions := 0
	for _, n := range s.actions {
		actions += n
	}
	for _, a := range s.lanes {
		fmt.Fprintf(w, "%s\t%d\t%d\t%.0f\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", name, s.schedules, actions, s.seconds, a.Lane,
			a.Produced, a.Unseen, a.Committed, a.RolledBack, a.GivenUp, a.Delivered, a.Lost, a.Doubled, a.Disorder, a.Altered, a.Gaps)
	}
}

// done says how often each action was done.
func (s *sum) done() string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(s.actions)) {
		out = append(out, fmt.Sprintf("%s %d", name, s.actions[name]))
	}
	return strings.Join(out, ", ")
}

func (a *Account) add(b Account) {
	a.Produced += b.Produced
	a.Unseen += b.Unseen
	a.Committed += b.Committed
	a.RolledBack += b.RolledBack
	a.GivenUp += b.GivenUp
	a.Delivered += b.Delivered
	a.Lost += b.Lost
	a.Doubled += b.Doubled
	a.Disorder += b.Disorder
	a.Altered += b.Altered
	a.Gaps += b.Gaps
}
