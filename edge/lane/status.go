package lane

import (
	"time"

	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
)

// Status is what the lanes say of themselves.
type Status struct {
	Dir     string          `json:"dir"`
	Epoch   telemetry.Epoch `json:"epoch"`
	Size    int64           `json:"size"`          // bytes on disk, all lanes but archive
	MaxSize int64           `json:"max_size"`      // bytes
	Rate    float64         `json:"rate"`          // bytes a day, as since the start; 0: not known yet
	Room    float64         `json:"room"`          // days that fit at this rate; 0: not known yet
	Err     string          `json:"err,omitempty"` // why the disk cannot be written
	Lanes   []LaneStatus    `json:"lanes"`
}

// LaneStatus is one lane.
type LaneStatus struct {
	Lane    string          `json:"lane"`
	Next    uint64          `json:"next"`             // the next sequence
	Stored  uint64          `json:"stored"`           // records on disk
	Acked   uint64          `json:"acked"`            // of these, at every gateway met so far
	Waiting uint64          `json:"waiting"`          // of these, not yet
	Memory  int             `json:"memory"`           // records not committed yet
	Dropped uint64          `json:"dropped"`          // readings that found neither disk nor memory
	Lost    uint64          `json:"lost"`             // records dropped or damaged before they were at the gateway
	Size    int64           `json:"size"`             // bytes on disk
	Commits uint64          `json:"commits"`          // since the start
	Written uint64          `json:"written"`          // bytes of frames since the start
	Oldest  *telemetry.Time `json:"oldest,omitempty"` // time of the oldest record still waiting
	Behind  uint64          `json:"behind,omitempty"` // its sequence
}

// Status returns how the lanes stand.
func (b *Book) Status() Status {
	b.mu.Lock()
	kept, _ := b.kept()
	s := Status{Dir: b.o.Dir, Epoch: b.ledger.epochs[len(b.ledger.epochs)-1].ID, MaxSize: b.o.MaxSize}
	if b.trouble != nil {
		s.Err = b.trouble.Error()
	}
	var waiting [len(laneFolders)]ranges.Set
	var lost [len(laneFolders)]uint64
	for _, l := range laneFolders {
		waiting[l] = kept[l].Minus(b.safe(l))
		for _, x := range b.ledger.lost[l] {
			lost[l] += x.Len()
		}
	}
	b.mu.Unlock()
	for _, w := range b.writers {
		ls := LaneStatus{Lane: w.lane.String(), Stored: kept[w.lane].Len(), Waiting: waiting[w.lane].Len(), Lost: lost[w.lane]}
		ls.Acked = ls.Stored - ls.Waiting
		w.mu.Lock()
		j := w.journal
		ls.Next, ls.Memory, ls.Dropped, ls.Commits = w.next, w.waiting(), w.dropped, w.commits
		w.mu.Unlock()
		if j != nil {
			ls.Size = j.Size()
			ls.Written, _ = j.Written()
			if first, ok := waiting[w.lane].Min(); ok {
				ls.Behind = first
				if h, err := b.head(j, first); err == nil {
					ls.Oldest = &h.Min
				}
			}
		}
		if w.lane != telemetry.Archive {
			s.Size += ls.Size
		}
		s.Lanes = append(s.Lanes, ls)
	}
	s.Rate, s.Room = b.growth(s.Lanes, s.Size)
	return s
}

// growth returns the bytes a day that the lanes grow by and for how many days there is room, once a minute has shown it.
func (b *Book) growth(lanes []LaneStatus, size int64) (rate, room float64) {
	up := time.Since(b.opened)
	if up < time.Minute {
		return 0, 0
	}
	// What a frame takes beside its own bytes: the journal's header and key, and the ends of pages.
	const beside, pages = 80, 1.1
	var written uint64
	for _, l := range lanes {
		if l.Lane != telemetry.Archive.String() {
			written += l.Written + beside*l.Commits
		}
	}
	rate = float64(written) * pages / up.Hours() * 24
	if rate > 0 {
		room = float64(b.o.MaxSize-size) / rate
	}
	return rate, max(0, room)
}
