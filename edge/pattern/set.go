package pattern

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"time"

	"fieldpost/telemetry"
)

// Definition is one pattern as it is written.
type Definition struct {
	Name     string
	When     string
	For      time.Duration
	Clear    string // "": not When
	Severity telemetry.Severity
	Message  string // "": the expression that decided
}

// Fingerprint is the same for definitions that raise and clear alike and weigh the same. It is a few letters.
func (d Definition) Fingerprint() string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%q %d %q %d", d.When, d.For, d.Clear, d.Severity)
	return strconv.FormatUint(h.Sum64(), 36)
}

// Problem is what is wrong with a definition: which one, in which of its keys (when, clear, message), and how many runes into it.
type Problem struct {
	Pattern int
	Key     string
	Offset  int
	Message string
}

// Set is the patterns of one device with what they know. Not safe for concurrent use. A nil Set has no patterns.
type Set struct {
	device   string
	values   *values
	places   map[string]int // of the metrics that patterns use
	users    [][]*pattern   // by place
	patterns []*pattern
	due      []*pattern // since the last Step
}

// pattern is one of a Set.
type pattern struct {
	Definition
	when, clear *expression // clear may be nil
	message     *message
	watch       watch
	due         bool
}

// New compiles the patterns of a device. Without any it returns nil, which is an empty Set.
func New(device string, metrics []Metric, definitions []Definition) (*Set, []Problem) {
	if len(definitions) == 0 {
		return nil, nil
	}
	s := &Set{device: device, values: newValues(metrics), places: make(map[string]int), users: make([][]*pattern, len(metrics))}
	var problems []Problem
	for i, d := range definitions {
		p, wrong := newPattern(d, metrics)
		for key, e := range wrong {
			problems = append(problems, Problem{Pattern: i, Key: key, Offset: e.offset, Message: e.message})
		}
		s.add(p)
	}
	if len(problems) > 0 {
		slices.SortFunc(problems, func(a, b Problem) int {
			if a.Pattern != b.Pattern {
				return a.Pattern - b.Pattern
			}
			return slices.Index(keys, a.Key) - slices.Index(keys, b.Key)
		})
		return nil, problems
	}
	return s, nil
}

var keys = []string{"when", "clear", "message"}

func newPattern(d Definition, metrics []Metric) (*pattern, map[string]*syntaxError) {
	p, wrong := &pattern{Definition: d, watch: watch{delay: int64(d.For)}}, make(map[string]*syntaxError)
	var err *syntaxError
	if p.when, err = compile(d.When, metrics); err != nil {
		wrong["when"] = err
	}
	if d.Clear != "" {
		if p.clear, err = compile(d.Clear, metrics); err != nil {
			wrong["clear"] = err
		}
	}
	if p.message, err = parseMessage(d.Message, metrics); err != nil {
		wrong["message"] = err
	}
	return p, wrong
}

// add takes p in and notes which metrics it looks at; those of its message only need their last value.
func (s *Set) add(p *pattern) {
	s.patterns = append(s.patterns, p)
	look := func(places []int, decides bool) {
		for _, i := range places {
			s.places[s.values.metrics[i].Name] = i
			if decides && !slices.Contains(s.users[i], p) {
				s.users[i] = append(s.users[i], p)
			}
		}
	}
	if p.when != nil {
		look(p.when.uses, true)
	}
	if p.clear != nil {
		look(p.clear.uses, true)
	}
	if p.message != nil {
		look(p.message.uses, false)
	}
}

// Names returns the patterns' names.
func (s *Set) Names() (names []string) {
	if s == nil {
		return nil
	}
	for _, p := range s.patterns {
		names = append(names, p.Name)
	}
	return names
}

// Restore says that a pattern was raised before this run began.
func (s *Set) Restore(name string) {
	if s == nil {
		return
	}
	for _, p := range s.patterns {
		if p.Name == name {
			p.watch.raised = true
		}
	}
}

// Raised returns the names of the patterns that are raised.
func (s *Set) Raised() (names []string) {
	if s == nil {
		return nil
	}
	for _, p := range s.patterns {
		if p.watch.raised {
			names = append(names, p.Name)
		}
	}
	return names
}

// Observe takes a reading of a metric as the newest. What follows from it, Step tells.
func (s *Set) Observe(metric string, r telemetry.Reading) {
	if s == nil {
		return
	}
	i, ok := s.places[metric]
	if !ok {
		return
	}
	s.values.set(i, r)
	for _, p := range s.users[i] {
		if !p.due {
			p.due = true
			s.due = append(s.due, p)
		}
	}
}

// Step looks at the patterns of what was observed since the last Step, and returns an event for each that changed its state. Now is what
// the events' time shall be; mono is the monotonic clock in nanoseconds, and never runs backwards.
func (s *Set) Step(now telemetry.Time, mono int64) (events []telemetry.Event) {
	if s == nil {
		return nil
	}
	for _, p := range s.due {
		p.due = false
		if p.step(mono, s.values) {
			events = append(events, p.event(s.device, now, s.values))
		}
	}
	s.due = s.due[:0]
	return events
}

func (p *pattern) step(mono int64, v *values) bool {
	when := p.when.root.eval(v)
	clear := when.not()
	if p.clear != nil && p.watch.raised {
		clear = p.clear.root.eval(v)
	}
	return p.watch.step(mono, when, clear)
}

// event tells of the change that p.step has just reported.
func (p *pattern) event(device string, now telemetry.Time, v *values) telemetry.Event {
	e := telemetry.Event{Device: device, Pattern: p.Name, State: telemetry.Raised, Severity: p.Severity, Time: now}
	decided, text := p.when, p.When
	if !p.watch.raised {
		e.State = telemetry.Cleared
		if text = p.Clear; p.clear != nil {
			decided = p.clear
		} else {
			text = "no longer " + p.When
		}
	}
	e.Cause = v.causes(decided.uses)
	if e.Message = text; p.Message != "" {
		e.Message = p.message.format(v)
	}
	return e
}
