package setting

import (
	"fmt"
	"strconv"
	"strings"
)

// Percent is a share in whole percent, 0% to 100%.
type Percent int

// UnmarshalText reads a whole number with a percent sign.
func (p *Percent) UnmarshalText(b []byte) error {
	digits, ok := strings.CutSuffix(string(b), "%")
	n, err := strconv.ParseUint(digits, 10, 8)
	if !ok || err != nil || n > 100 {
		return fmt.Errorf("share %q: write whole percent from 0%% to 100%%, such as 50%%", b)
	}
	*p = Percent(n)
	return nil
}

// String returns the number with its sign.
func (p Percent) String() string { return strconv.Itoa(int(p)) + "%" }

// MarshalText is String for encoders.
func (p Percent) MarshalText() ([]byte, error) { return []byte(p.String()), nil }
