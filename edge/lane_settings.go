package edge

import (
	"time"

	"fieldpost/configs/setting"
	"fieldpost/edge/lane"
	"fieldpost/telemetry"
)

// LanesSettings is the lanes section of edge.yaml: what one kind of records may take of the journal. The archive has a section of its own.
type LanesSettings struct {
	// Events.
	Alarm LaneSettings `yaml:"alarm"`
	// Readings that are sent within seconds: all that are not bulk or archive.
	Live LaneSettings `yaml:"live"`
	// Readings of metrics marked lane: bulk.
	Bulk LaneSettings `yaml:"bulk"`
}

// LaneSettings is how much a lane may keep. Whole frames leave, oldest first, also such as the gateway has not got: those are told as lost.
type LaneSettings struct {
	// How much it may take up; at least 16MiB. 0 for as much as journal.max_size leaves it.
	MaxSize setting.Size `yaml:"max_size"`
	// How long a record stays. 0 for as long as there is room.
	MaxAge setting.Duration `yaml:"max_age"`
}

// Check is setting.Checker.
func (s *LaneSettings) Check(problem, warn setting.Problem) {
	const day = 24 * time.Hour
	if s.MaxSize > 0 && s.MaxSize < minLane {
		problem("max_size", "%s is too small; at least %s, or 0 for as much as journal.max_size leaves it", s.MaxSize, setting.Size(minLane))
	}
	if age := s.MaxAge.Go(); age > 0 && age < day {
		warn("max_age", "%s: what an outage longer than that keeps from the gateway is lost", s.MaxAge)
	}
}

// minLane is room for an open and a sealed segment of 8 MiB.
const minLane = 16 << 20

// limits returns what the lanes may keep.
func (c *Config) limits() map[telemetry.Lane]lane.Limit {
	limit := func(s LaneSettings) lane.Limit { return lane.Limit{Size: int64(s.MaxSize), Age: s.MaxAge.Go()} }
	m := map[telemetry.Lane]lane.Limit{telemetry.Alarm: limit(c.Lanes.Alarm), telemetry.Live: limit(c.Lanes.Live), telemetry.Bulk: limit(c.Lanes.Bulk)}
	if a := c.Archive; a != nil {
		m[telemetry.Archive] = lane.Limit{Size: int64(a.MaxSize), Age: a.MaxAge.Go()}
	}
	return m
}
