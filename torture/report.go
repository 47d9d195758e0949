package torture

import (
	"fmt"
	"io"
	"slices"
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

// Print writes a table of schedules.
func Print(w io.Writer, reports []Report) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "seed\tactions\tseconds\tlane\tproduced\tunseen\tcommitted\trolled back\tgiven up\tdelivered\tlost\tdoubled\tout of order\taltered\tgaps\t")
	sums := map[string]*Account{}
	var order []string
	for _, r := range reports {
		for _, a := range r.Lanes {
			row(t, fmt.Sprint(r.Seed), fmt.Sprint(len(r.Actions)), fmt.Sprintf("%.0f", r.Seconds), a)
			s := sums[a.Lane]
			if s == nil {
				s = &Account{Lane: a.Lane}
				sums[a.Lane] = s
				order = append(order, a.Lane)
			}
			s.add(a)
		}
	}
	if len(reports) > 1 {
		for _, lane := range order {
			row(t, "all", "", "", *sums[lane])
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range reports {
		for _, f := range r.Faults {
			if _, err := fmt.Fprintf(w, "seed %d (%s): %s\n", r.Seed, r.Shape, f); err != nil {
				return err
			}
		}
	}
	return nil
}

func row(w io.Writer, seed, actions, seconds string, a Account) {
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", seed, actions, seconds, a.Lane,
		a.Produced, a.Unseen, a.Committed, a.RolledBack, a.GivenUp, a.Delivered, a.Lost, a.Doubled, a.Disorder, a.Altered, a.Gaps)
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
