package edge

import (
	"time"

	"fieldpost/configs/setting"
	"fieldpost/telemetry"
)

const silentPattern = "silent"

// silence is raised for a device from which nothing came for as long as its file says, and cleared when something does.
func silence(d *device) *builtin {
	limit := time.Duration(d.settings.Silent)
	return &builtin{
		device: d.settings.Device, name: silentPattern, severity: telemetry.Warning,
		said: [2]string{"device is silent", "device is heard again"}, log: d.log,
		look: func(mono int64) verdict {
			if d.quiet(mono) >= limit {
				return verdict{raise: true, message: "nothing came for " + setting.Duration(limit).String()}
			}
			return verdict{clear: d.heard(), message: "heard again"}
		},
	}
}
