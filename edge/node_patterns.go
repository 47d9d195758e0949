package edge

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"fieldpost/configs/setting"
	"fieldpost/edge/lane"
	"fieldpost/telemetry"
)

// The patterns built in for device node, beside lane.DamagePattern.
const (
	clockPattern   = "clock_unset"
	diskPattern    = "disk_short"
	backlogPattern = "backlog_old"
)

// What they go by. Each clears at another mark than it is raised at, so that a value near the mark makes one event and not many.
const (
	journalFull  = 0.9       // of journal.max_size taken by what no gateway has: the next to go is unsent
	journalEased = 0.8       //
	diskScarce   = 256 << 20 // bytes free on the file system of the journal; where it is small, diskPart of it
	diskPart     = 0.05      //
	diskEased    = 2         // times diskScarce
	backlogAge   = time.Hour // of the oldest record that no gateway has
	backlogGrain = 60        // marks that backlogAge is measured by
	slowLook     = time.Second * 10
)

// nodePatterns returns those of this node. Without links nothing is ever sent: a full journal is then a ring that does its work.
func (e *Edge) nodePatterns() []*builtin {
	log := e.log.With("device", NodeDevice)
	linked := len(e.config.Links) > 0
	list := []*builtin{{
		name: clockPattern, severity: telemetry.Warning,
		look: func(int64) verdict { return judgeClock(e.book.Clock().Regime().State) },
	}, {
		name: diskPattern, severity: telemetry.Critical, every: slowLook,
		look: func(int64) verdict {
			r := room{max: float64(e.config.Journal.MaxSize)}
			if linked {
				r.unsent = unsent(e.book.Status())
			}
			var fs unix.Statfs_t
			if err := unix.Statfs(e.config.Journal.Dir, &fs); err == nil {
				r.free, r.whole = float64(fs.Bavail)*float64(fs.Bsize), float64(fs.Blocks)*float64(fs.Bsize)
			}
			return r.judge()
		},
	}}
	if linked {
		age := newBacklog()
		list = append(list, &builtin{
			name: backlogPattern, severity: telemetry.Warning, every: slowLook,
			look: func(mono int64) verdict { return age.judge(mono, e.book.Status().Lanes) },
		})
	}
	for _, p := range list {
		p.device, p.log, p.said = NodeDevice, log, [2]string{"the node needs attention", "the node is well again"}
	}
	return list
}

func judgeClock(s telemetry.ClockState) verdict {
	if s.Doubtful() {
		return verdict{raise: true, message: "nothing vouches for the clock (" + s.String() + "); times are marked and put right once it is known"}
	}
	return verdict{clear: true, message: "the clock is known (" + s.String() + ")"}
}

// room is what disk_short looks at, in bytes. A whole of 0 is a file system that does not answer.
type room struct {
	unsent, max float64
	free, whole float64
}

func (r room) judge() verdict {
	scarce := min(diskScarce, diskPart*r.whole)
	switch {
	case r.unsent > journalFull*r.max:
		return verdict{raise: true, message: fmt.Sprintf("%.0f %% of the journal is not at the gateway yet; when it is full, the oldest readings go", 100*r.unsent/r.max)}
	case r.whole > 0 && r.free < scarce:
		return verdict{raise: true, message: bytes(r.free) + " free on the file system of the journal"}
	case r.unsent > journalEased*r.max, r.whole > 0 && r.free < diskEased*scarce:
		return verdict{}
	}
	return verdict{clear: true, message: "there is room again"}
}

// unsent estimates the bytes on disk, archive apart, of what some gateway lacks: a lane's records are taken for equally large.
func unsent(s lane.Status) (n float64) {
	for _, l := range s.Lanes {
		if l.Stored > 0 && l.Lane != telemetry.Archive.String() {
			n += float64(l.Size) * float64(l.Waiting) / float64(l.Stored)
		}
	}
	return n
}

// backlog measures for how long records have been waiting, on the monotonic clock and by when they came: the times that readings carry may
// be an instrument's own, or those of a clock that was wrong. What was on the disk at the start counts from there.
type backlog struct {
	marks [telemetry.Archive][]mark // of alarm, live and bulk, oldest first
}

// mark says that at a time a lane's next sequence was so.
type mark struct {
	mono int64
	next uint64
}

func newBacklog() *backlog { return new(backlog) }

// judge takes how the lanes stand now.
func (b *backlog) judge(mono int64, lanes []lane.LaneStatus) verdict {
	known := true
	for _, l := range lanes {
		id, err := telemetry.ParseLane(l.Lane)
		if err != nil || id >= telemetry.Archive {
			continue
		}
		marks := b.marks[id]
		if n := len(marks); n == 0 || mono-marks[n-1].mono >= int64(backlogAge)/backlogGrain {
			marks = append(marks, mark{mono, l.Next})
		}
		for len(marks) > 1 && mono-marks[1].mono >= int64(backlogAge) {
			marks = marks[1:]
		}
		b.marks[id] = marks
		old := mono-marks[0].mono >= int64(backlogAge)
		switch {
		case l.Waiting == 0:
		case old && l.Behind < marks[0].next:
			return verdict{raise: true, message: fmt.Sprintf("%d records of lane %s wait, the oldest for more than %s; is the link up?",
				l.Waiting, l.Lane, setting.Duration(backlogAge))}
		case !old && l.Behind < marks[0].next:
			known = false // it was there when we began to look, less than an hour ago
		}
	}
	return verdict{clear: known, message: "nothing waits for more than " + setting.Duration(backlogAge).String()}
}
