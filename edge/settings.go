package edge

import (
	"slices"
	"time"

	"fieldpost/configs/setting"
	"fieldpost/telemetry"
)

// JournalSettings is the journal section of edge.yaml.
type JournalSettings struct {
	// The folder, seen from the folder of this file. It is created for its owner only (0700), and belongs to this node from then on.
	Dir string `yaml:"dir"`
	// How much it may take up, the archive apart. At least 64MiB. When it is reached, the oldest that the gateway has goes first.
	MaxSize setting.Size `yaml:"max_size"`
	// How long readings may wait in memory: at a power cut at most so much is lost. Longer is kinder to an SD card, for a commit writes about 5 KB
	// however little is in it. From 10ms to 1h; events do not wait.
	CommitEvery setting.Duration `yaml:"commit_every"`
}

// SetDefaults is setting.Defaulter. One commit of a few readings writes about 5 KB, so one a second is 0.45 GB a day on the
// card: many years of a common one; 2 GiB hold weeks of a hundred readings a second.
func (s *JournalSettings) SetDefaults() {
	*s = JournalSettings{Dir: "/var/lib/fieldpost", MaxSize: 2 << 30, CommitEvery: setting.Duration(time.Second)}
}

// minJournal is room for an open and a sealed segment of 8 MiB per lane.
const minJournal = 64 << 20

// Check is setting.Checker.
func (s *JournalSettings) Check(problem, _ setting.Problem) {
	if s.Dir == "" {
		problem("dir", "empty dir: where should the journal live?")
	}
	if s.MaxSize < minJournal {
		problem("max_size", "%s is too small; at least %s", s.MaxSize, setting.Size(minJournal))
	}
	if d := s.CommitEvery.Go(); d < 10*time.Millisecond || d > time.Hour {
		problem("commit_every", "%s is not between 10ms and 1h", s.CommitEvery)
	}
}

// ArchiveSettings is the archive section of edge.yaml: raw readings that the reducers held back.
type ArchiveSettings struct {
	// How much it may take up. At least 16MiB; the oldest goes first.
	MaxSize setting.Size `yaml:"max_size"`
	// How long a reading stays in it.
	MaxAge setting.Duration `yaml:"max_age"`
}

// SetDefaults is setting.Defaulter.
func (s *ArchiveSettings) SetDefaults() {
	*s = ArchiveSettings{MaxSize: 1 << 30, MaxAge: setting.Duration(30 * 24 * time.Hour)}
}

// Check is setting.Checker.
func (s *ArchiveSettings) Check(problem, _ setting.Problem) {
	if s.MaxSize < minLane {
		problem("max_size", "%s is too small; at least %s, or leave archive out to switch it off", s.MaxSize, setting.Size(minLane))
	}
	if s.MaxAge == 0 {
		problem("max_age", "0 would keep nothing; leave archive out to switch it off")
	}
}

// ClockSettings is the clock section of edge.yaml.
type ClockSettings struct {
	// auto believes the clock when the kernel says that it is synchronised, and readings before that say "clock": "unset" until their right time is
	// known. system believes it always: for a machine with a clock chip that is right, or with a time service that the kernel does not know of.
	Source string `yaml:"source"`
}

// SetDefaults is setting.Defaulter.
func (s *ClockSettings) SetDefaults() { s.Source = "auto" }

// Check is setting.Checker.
func (s *ClockSettings) Check(problem, _ setting.Problem) {
	if s.Source != "auto" && s.Source != "system" {
		problem("source", "unknown clock source %q; want auto or system", s.Source)
	}
}

// DeviceSettings is what every device file has beside its driver key.
type DeviceSettings struct {
	// The device's name: lower-case letters, digits and _, beginning with a letter. The name node is the machine itself.
	Device string `yaml:"device"`
	// Whatever you want to sort devices by later, such as room: b12. Sent when it changes, not with every reading.
	Labels map[string]string `yaml:"labels"`
	// What is read from the device: at least one quantity. Beside the keys here a metric has those of the driver.
	Metrics []MetricSettings `yaml:"metrics"`
	// Conditions that raise an event, at once and ahead of all readings.
	Patterns []PatternSettings `yaml:"patterns"`
	// An event is raised when nothing has come for so long. off for a device that speaks when it likes.
	Silent setting.DurationOrOff `yaml:"silent"`
}

// SetDefaults is setting.Defaulter.
func (s *DeviceSettings) SetDefaults() { s.Silent = setting.DurationOrOff(5 * time.Minute) }

// NodeDevice is the device that every edge has: the node itself.
const NodeDevice = "node"

// Check is setting.Checker.
func (s *DeviceSettings) Check(problem, _ setting.Problem) {
	switch err := telemetry.CheckName(s.Device); {
	case s.Device == "":
		problem("device", "device is missing: the device's name, such as boiler")
	case err != nil:
		problem("device", "%v", err)
	case s.Device == NodeDevice:
		problem("device", "%q is the name of the edge itself; choose another", NodeDevice)
	}
	CheckLabels("labels", s.Labels, problem)
	if len(s.Metrics) == 0 {
		problem("metrics", "no metrics: the device would never give a reading")
	}
	seen := make(map[string]bool, len(s.Metrics))
	for i, m := range s.Metrics {
		if m.Name != "" && seen[m.Name] {
			problem(setting.Path("metrics", i, "name"), "a second metric %q", m.Name)
		}
		seen[m.Name] = true
	}
	named := make(map[string]bool, len(s.Patterns))
	for i, p := range s.Patterns {
		if p.Name != "" && named[p.Name] {
			problem(setting.Path("patterns", i, "name"), "a second pattern %q", p.Name)
		}
		named[p.Name] = true
	}
}

// CheckLabels reports label names that cannot stand in a URL or a query.
func CheckLabels(path string, labels map[string]string, problem setting.Problem) {
	for name := range labels {
		if telemetry.CheckName(name) != nil {
			problem(setting.Path(path, name), "label %q: use lower-case letters, digits and _, beginning with a letter", name)
		} else if slices.Contains([]string{"node", "device", "metric", "unit"}, name) {
			problem(setting.Path(path, name), "label %q has a meaning of its own already; choose another", name)
		}
	}
}
