package setting

import (
	"fmt"
	"time"
)

// DurationOrOff is a Duration, or the word off, which is the value 0.
type DurationOrOff Duration

// Go returns d as a time.Duration; 0 is off.
func (d DurationOrOff) Go() time.Duration { return time.Duration(d) }

// UnmarshalText reads off or a Duration that is not 0.
func (d *DurationOrOff) UnmarshalText(b []byte) error {
	if string(b) == "off" {
		*d = 0
		return nil
	}
	var v Duration
	if err := v.UnmarshalText(b); err != nil {
		return err
	}
	if v == 0 {
		return fmt.Errorf("duration %q: write off to switch it off", b)
	}
	*d = DurationOrOff(v)
	return nil
}

// String returns off or what Duration.String does.
func (d DurationOrOff) String() string {
	if d == 0 {
		return "off"
	}
	return Duration(d).String()
}

// MarshalText is String for encoders.
func (d DurationOrOff) MarshalText() ([]byte, error) { return []byte(d.String()), nil }
