package store

import (
	"log/slog"
	"time"
)

// trustAfter is how long a clock has to stay ahead before retention goes by it.
const trustAfter = 24 * time.Hour

// calendar is the time that retention believes in. Between two looks at the wall clock no more passes than by a clock that cannot be set, and
// a day: a wall clock that leaps years ahead for a minute must not cost years of data. One that stays there was right.
type calendar struct {
	wall  time.Time     // when it was last believed
	up    time.Duration // since the process began, at that time
	ahead bool          // the wall clock is not believed
	since time.Duration // if ahead: from this uptime on
}

// startCalendar goes by the newest entry in the journal, whose time was believed once; the zero time if there is none.
func startCalendar(wall, newest time.Time, up time.Duration) calendar {
	if !newest.IsZero() && newest.Before(wall) {
		wall = newest
	}
	return calendar{wall: wall, up: up}
}

// now returns the time by which ages are to be counted, where the clocks say wall and up.
func (c *calendar) now(wall time.Time, up time.Duration, log *slog.Logger) time.Time {
	limit := c.wall.Add(up - c.up + trustAfter)
	switch {
	case !wall.After(limit):
		c.ahead = false
	case !c.ahead:
		c.ahead, c.since = true, up
		log.Warn("the clock leapt ahead: retention goes by it once it has stayed there for a day", "clock", wall, "believed", limit)
		return limit
	case up-c.since < trustAfter:
		return limit
	default:
		c.ahead = false
	}
	c.wall, c.up = wall, up
	return wall
}
