package clock

import (
	"time"

	"fieldpost/telemetry"
)

// release is a time before which no Fieldpost ran: the floor of a node that has none yet (2026-01-01T00:00:00Z).
const release telemetry.Time = 1767225600e9

// floorLead is how far the floor may run ahead of what elapsed: one lying time server costs a day in each boot, not the years
// until its date has come.
const floorLead = telemetry.Time(24 * time.Hour)

// Floor is the last time known for sure, as the disk keeps it: a clock that nothing vouches for cannot be right before it. The zero Floor is that of a
// node that has none yet.
type Floor struct {
	Time telemetry.Time `json:"time"`
	Boot uint64         `json:"boot"` // id of the boot in which it was written
	Base telemetry.Time `json:"base"` // what it was when that boot began; 0: there was none

	// Where a boot is put whose clock is not known: after the one before it (delivery rule 19). In 1970, where such a clock mostly stands, nobody
	// would look for its readings, and boot after boot would lie one upon the other.
	Place telemetry.Time `json:"place"` // that boot's beginning, as long as its clock is unset
	Last  telemetry.Time `json:"last"`  // what the clock said when this was written
}

// placeLead is more than passes between two times that the disk keeps Last.
const placeLead = telemetry.Time(2 * time.Minute)

// Floor returns what the disk should keep now. It rises by time that the kernel keeps synchronised only, and within a boot by at most
// a day more than the time since that began (delivery rule 21); the first one of a node is taken as it is.
func (c *Clock) Floor() Floor {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.regime.Load()
	_, mono := c.source.Read()
	now := telemetry.Time(mono + r.Offset)
	c.floor.Last = now
	if r.State != telemetry.ClockSync {
		return c.floor
	}
	if c.floor.Base != 0 {
		now = min(now, c.floor.Base+telemetry.Time(mono)+floorLead)
	}
	c.floor.Time = max(c.floor.Time, now)
	return c.floor
}

// LowerFloor takes the word of a gateway, whose clock says t, against a floor that lies more than a day beyond it: a day before t is the floor then,
// for two clocks that are right differ too. Only a gateway that has proved who it is may be believed.
func (c *Clock) LowerFloor(t telemetry.Time) {
	c.mu.Lock()
	if t < release || c.floor.Time-floorLead <= t {
		c.mu.Unlock()
		return
	}
	c.log.Warn("the last time known lies after the gateway's; the gateway's holds", "floor", c.floor.Time, "gateway", t)
	c.floor.Time, c.floor.Base = t-floorLead, t-floorLead
	c.floor.Place = min(c.floor.Place, c.floor.Time)
	c.mu.Unlock()
	c.Refresh()
}

// in returns the floor as a boot takes it over.
func (f Floor) in(boot telemetry.Boot) Floor {
	if f.Boot != boot.ID {
		f.Boot, f.Base = boot.ID, f.Time
		f.Place = max(f.Time, f.Last, release)
		if f.Last != 0 {
			f.Place += placeLead
		}
	}
	return f
}
