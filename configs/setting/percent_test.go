package setting_test

import (
	"testing"

	"fieldpost/configs/setting"
)

func TestPercent(t *testing.T) {
	for text, want := range map[string]setting.Percent{"0%": 0, "7%": 7, "100%": 100} {
		var p setting.Percent
		if err := p.UnmarshalText([]byte(text)); err != nil || p != want || p.String() != text {
			t.Errorf("%s: %v, %v", text, p, err)
		}
	}
	for _, text := range []string{"", "%", "50", "101%", "-1%", "1.5%", "50 %", "1e1%"} {
		p := setting.Percent(3)
		if err := p.UnmarshalText([]byte(text)); err == nil || p != 3 {
			t.Errorf("%q was taken as %v", text, p)
		}
	}
}
