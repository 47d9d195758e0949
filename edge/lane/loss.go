package lane

import (
	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
	"fieldpost/telemetry/wire"
)

// loss is a wire.Loss as state.db keeps it. (That one would be written as its range alone: it embeds one that has a MarshalJSON.)
type loss struct {
	Range  ranges.Range   `json:"range"`
	Reason wire.Reason    `json:"reason"`
	Time   telemetry.Time `json:"time"`
}

// savedLosses is what state.db keeps of all that is lost, by lane.
type savedLosses [len(laneFolders)][]loss

func (l *ledger) saveLost() (s savedLosses) {
	for lane, list := range l.lost {
		for _, x := range list {
			s[lane] = append(s[lane], loss{x.Range, x.Reason, x.Time})
		}
	}
	return s
}

func (l *ledger) loadLost(s savedLosses) {
	for lane, list := range s {
		for _, x := range list {
			l.lost[lane] = append(l.lost[lane], wire.Loss{Range: x.Range, Reason: x.Reason, Time: x.Time})
		}
	}
}
