package measure

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// Process is what the kernel says of a process.
type Process struct {
	CPU      float64 `json:"cpu"`      // seconds, in user and kernel mode
	Resident int64   `json:"resident"` // bytes, the most since the start
	Written  int64   `json:"written"`  // bytes handed to the block layer
}

// hertz is the unit of times in /proc/<pid>/stat: USER_HZ, the same on every machine that Go runs on.
const hertz = 100

// process reads what there is to know; what cannot be read is 0.
func process(pid int) (p Process) {
	p.Resident = entry(pid, "status", "VmHWM:") << 10
	p.Written = entry(pid, "io", "write_bytes:")
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return p
	}
	// The name, in brackets, may hold blanks. utime and stime are fields 14 and 15, counted from 1: proc(5).
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(fields) < 13 {
		return p
	}
	var user, system int64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err == nil {
		p.CPU = float64(user+system) / hertz
	}
	return p
}

// entry returns the number behind a word in /proc/<pid>/<file>, 0 if there is none.
func entry(pid int, file, word string) (n int64) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), word); ok {
			_, _ = fmt.Sscan(rest, &n) // 0 says that it cannot be read
			return n
		}
	}
	return 0
}
