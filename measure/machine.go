package measure

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Machine says on what is measured, and how busy that was in the last minute.
func Machine() string {
	model := runtime.GOARCH
	if f, err := os.Open("/proc/cpuinfo"); err == nil {
		for s := bufio.NewScanner(f); s.Scan(); {
			if key, value, ok := strings.Cut(s.Text(), ":"); ok && (strings.TrimSpace(key) == "model name" || strings.TrimSpace(key) == "Model") {
				model = strings.TrimSpace(value)
			}
		}
		f.Close()
	}
	var load float64
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		_, _ = fmt.Sscan(string(b), &load) // 0 says that it cannot be read
	}
	return fmt.Sprintf("%s, %d cores, %s; load of the minute before: %.1f", model, runtime.NumCPU(), runtime.Version(), load)
}
