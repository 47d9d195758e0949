package store

import "fieldpost/configs/setting"

// RetentionSettings says how long and how much the gateway keeps. Zero keeps all; a full disk then stops the
// acks, so that the edges keep what they have.
type RetentionSettings struct {
	// How long a record is kept, by its time of arrival; 0 for ever.
	MaxAge setting.Duration `yaml:"max_age"`
	// How much the store may take up, at least 128MiB; then the oldest goes first. 0 for as much as there is.
	MaxSize setting.Size `yaml:"max_size"`
	// Whether readings are kept by series too, so that questions over days and months are quick. It takes half as much disk again, more where
	// nodes say little, and of max_size at most a quarter, for the newest; when the disk is short it goes first.
	BySeries bool `yaml:"by_series"`
}

// SetDefaults is setting.Defaulter.
func (s *RetentionSettings) SetDefaults() { s.BySeries = true }

// minSize leaves room for the open segment and one sealed one of the gateway's journal.
const minSize = 128 << 20

// Check is setting.Checker.
func (s *RetentionSettings) Check(problem, _ setting.Problem) {
	if s.MaxSize != 0 && s.MaxSize < minSize {
		problem("max_size", "%s is too small to keep anything; at least %s, or 0 for no limit", s.MaxSize, setting.Size(minSize))
	}
}
