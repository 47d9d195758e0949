package edge

import (
	"encoding/json"
	"time"

	"fieldpost/edge/lane"
	"fieldpost/telemetry"
)

// Status is what a running edge says of itself: the control socket's answer, which `fieldpost-edge status` prints.
type Status struct {
	Node     string         `json:"node"`
	Software string         `json:"software"`
	Since    time.Time      `json:"since"`
	Clock    ClockStatus    `json:"clock"`
	Journal  lane.Status    `json:"journal"`
	Buses    []BusStatus    `json:"buses"`
	Devices  []DeviceStatus `json:"devices"`
	Links    []LinkStatus   `json:"links"`
}

// ClockStatus says how far the node's clock is to be trusted.
type ClockStatus struct {
	Time  telemetry.Time `json:"time"`
	State string         `json:"state"`
	Boot  uint32         `json:"boot"`
}

// BusStatus is one bus.
type BusStatus struct {
	Name   string    `json:"name"`
	Driver string    `json:"driver"`
	Up     bool      `json:"up"`
	Since  time.Time `json:"since"`
	Fails  int       `json:"fails,omitempty"` // in a row
	Err    string    `json:"err,omitempty"`
}

// DeviceStatus is one device.
type DeviceStatus struct {
	Device   string          `json:"device"`
	Driver   string          `json:"driver"`
	Bus      string          `json:"bus"`
	Last     *telemetry.Time `json:"last,omitempty"` // when the last reading came
	Silent   bool            `json:"silent"`
	Raised   []string        `json:"raised,omitempty"` // patterns of its file
	Readings uint64          `json:"readings"`
	Reduced  uint64          `json:"reduced"` // of these, held back by a deadband: in the archive, or dropped where there is none
	Errors   uint64          `json:"errors"`
	Err      string          `json:"err,omitempty"`
	ErrTime  *time.Time      `json:"err_time,omitempty"`
	Metrics  []MetricStatus  `json:"metrics"`
}

// MetricStatus is the last reading of one metric; Time is nil if there was none yet.
type MetricStatus struct {
	Metric  string          `json:"metric"`
	Unit    string          `json:"unit,omitempty"`
	Time    *telemetry.Time `json:"time,omitempty"`
	Value   json.RawMessage `json:"value,omitempty"`
	Quality string          `json:"quality,omitempty"`
}

// Status returns what the edge says of itself now. Safe for concurrent use.
func (e *Edge) Status() Status {
	now, regime := e.book.Clock().Now()
	s := Status{
		Node: e.config.Node, Software: e.config.Software, Since: onClock(e.started),
		Clock:   ClockStatus{Time: now, State: regime.State.String(), Boot: regime.Boot.Ordinal},
		Journal: e.book.Status(),
	}
	for _, b := range e.buses {
		s.Buses = append(s.Buses, b.status())
	}
	mono := e.book.Clock().Mono()
	for _, d := range e.devices {
		s.Devices = append(s.Devices, d.status(mono))
	}
	for i, session := range e.sessions {
		s.Links = append(s.Links, linkStatus(session.Status(), e.config.Links[i].ack(), time.Since(e.started)))
	}
	return s
}

func (b *bus) status() BusStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	return BusStatus{Name: b.name, Driver: b.kind, Up: b.up, Since: onClock(b.since), Fails: b.fails, Err: b.lastErr}
}

func (d *device) status(mono int64) DeviceStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := DeviceStatus{
		Device: d.settings.Device, Driver: d.driver, Bus: d.bus, Readings: d.readings, Reduced: d.reduced, Errors: d.errors, Err: d.lastErr, Raised: d.patterns.Raised(),
	}
	if limit := time.Duration(d.settings.Silent); limit > 0 {
		s.Silent = time.Duration(mono-d.lastMono) >= limit
	}
	if d.readings > 0 {
		at := d.lastAt
		s.Last = &at
	}
	if d.lastErr != "" {
		at := onClock(d.lastErrAt)
		s.ErrTime = &at
	}
	for _, name := range d.order {
		m := MetricStatus{Metric: name, Unit: d.metrics[name].settings.Unit}
		if r, ok := d.last[name]; ok {
			m.Time, m.Value, m.Quality = &r.Time, r.Value.AppendJSON(nil), r.Quality.String()
		}
		s.Metrics = append(s.Metrics, m)
	}
	return s
}

// onClock returns when t was by the clock as it goes now. A Pi without a clock chip starts in 1970, and would otherwise say after its clock was set that
// it has been running for decades.
func onClock(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.Now().Add(-time.Since(t)) // by the monotonic clock
}
