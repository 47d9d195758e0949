package clock

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"fieldpost/telemetry"
)

// System reads the kernel's clocks.
type System struct {
	local bool
}

// NewSystem returns the kernel's clocks. With trusted, the operator vouches for the wall clock.
func NewSystem(trusted bool) System { return System{local: trusted || bootedWithClock()} }

// bootedWithClock reports whether the kernel had a clock to set itself by at boot. On x86 it always has one: the
// CMOS clock or the hypervisor's. Elsewhere an RTC must say that the system time was taken from it; a Pi as sold has none.
func bootedWithClock() bool {
	if runtime.GOARCH == "amd64" || runtime.GOARCH == "386" {
		return true
	}
	rtcs, err := filepath.Glob("/sys/class/rtc/rtc*/hctosys")
	if err != nil {
		return false
	}
	for _, f := range rtcs {
		if b, err := os.ReadFile(f); err == nil && strings.TrimSpace(string(b)) == "1" {
			return true
		}
	}
	return false
}

// Read is Source.Read: CLOCK_REALTIME and CLOCK_BOOTTIME, read close together.
func (System) Read() (telemetry.Time, int64) {
	const near = 20_000 // ns between the two reads around the wall clock; more means that we were interrupted
	var wall, before, after int64
	for range 8 {
		before = read(unix.CLOCK_BOOTTIME)
		wall = read(unix.CLOCK_REALTIME)
		after = read(unix.CLOCK_BOOTTIME)
		if after-before < near {
			break
		}
	}
	return telemetry.Time(wall), before + (after-before)/2
}

// Mono is Source.Mono.
func (System) Mono() int64 { return read(unix.CLOCK_BOOTTIME) }

func read(id int32) int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(id, &ts); err != nil {
		// Both clocks exist since Linux 2.6.39; without them there is no time to give.
		panic(fmt.Sprintf("clock_gettime %d: %v", id, err))
	}
	return ts.Nano()
}

// Trust is Source.Trust: the kernel's own word on whether it is disciplined (adjtimex), else the clock it booted with.
func (s System) Trust() telemetry.ClockState {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	const timeError = 5 // TIME_ERROR of <sys/timex.h>: not synchronised
	switch {
	case err == nil && state != timeError && t.Status&unix.STA_UNSYNC == 0:
		return telemetry.ClockSync
	case s.local:
		return telemetry.ClockLocal
	}
	return telemetry.ClockFloor
}

// BootID returns the first 8 bytes of the kernel's boot id.
func BootID() (uint64, error) {
	const file = "/proc/sys/kernel/random/boot_id"
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("read boot id: %w", err)
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(string(b)), "-", ""))
	if err != nil || len(raw) < 8 {
		return 0, fmt.Errorf("read boot id: %s holds %q, want a UUID", file, b)
	}
	return binary.BigEndian.Uint64(raw), nil
}
