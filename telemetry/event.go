package telemetry

// Severity says how much an event matters.
type Severity uint8

// The severities, mildest first. The numbers are part of the frame format.
const (
	Info Severity = iota
	Warning
	Critical
)

var severityNames = [...]string{"info", "warning", "critical"}

// String returns info, warning or critical.
func (s Severity) String() string { return name(severityNames[:], uint8(s), "severity") }

// ParseSeverity is the inverse of Severity.String.
func ParseSeverity(s string) (Severity, error) {
	i, err := parseName(severityNames[:], s, "severity")
	return Severity(i), err
}

// State is the state that an event's pattern changed to.
type State uint8

// The states. The numbers are part of the frame format.
const (
	Raised State = iota
	Cleared
)

var stateNames = [...]string{"raised", "cleared"}

// String returns raised or cleared.
func (s State) String() string { return name(stateNames[:], uint8(s), "state") }

// ParseState is the inverse of State.String.
func ParseState(s string) (State, error) {
	i, err := parseName(stateNames[:], s, "state")
	return State(i), err
}

// Event is a pattern of a device changing state.
type Event struct {
	Device, Pattern string
	State           State
	Severity        Severity
	Time            Time
	Message         string
	Cause           []Cause // the readings that decided it; at most MaxCauses
}

// MaxCauses bounds Event.Cause.
const MaxCauses = 64

// Cause is a reading of the event's own device, carried inside the event so that it needs no other record to be understood.
type Cause struct {
	Metric  string
	Unit    string
	Time    Time
	Value   Value
	Quality Quality
}
