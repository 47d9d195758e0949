package metric

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"strconv"
)

// clockTicks is USER_HZ, which Linux fixes at 100 on every architecture that we build for.
const clockTicks = 100

// Process is a Collector of the numbers that Prometheus expects of every process: memory, processor time, files, goroutines.
// What the system does not tell (there is no /proc) is left out.
func Process(w *Writer) {
	w.Gauge("go_goroutines", "Goroutines that exist.", float64(runtime.NumGoroutine()))
	if fds, err := countFiles("/proc/self/fd"); err == nil {
		w.Gauge("process_open_fds", "Open file descriptors.", float64(fds))
	}
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return
	}
	seconds, resident, err := parseStat(stat)
	if err != nil {
		return
	}
	w.Counter("process_cpu_seconds_total", "User and system processor time spent, in seconds.", seconds)
	w.Gauge("process_resident_memory_bytes", "Resident memory in bytes.", float64(resident*int64(os.Getpagesize())))
}

// parseStat takes processor seconds and resident pages out of /proc/<pid>/stat (proc_pid_stat(5)).
func parseStat(b []byte) (seconds float64, resident int64, err error) {
	// The second field is the command in brackets and may itself hold spaces and brackets: the last one ends it.
	end := bytes.LastIndexByte(b, ')')
	if end < 0 {
		return 0, 0, errors.New("no command")
	}
	fields := bytes.Fields(b[end+1:]) // fields[0] is field 3
	if len(fields) < 22 {
		return 0, 0, errors.New("too few fields")
	}
	user, err1 := strconv.ParseInt(string(fields[11]), 10, 64)
	system, err2 := strconv.ParseInt(string(fields[12]), 10, 64)
	resident, err3 := strconv.ParseInt(string(fields[21]), 10, 64)
	return float64(user+system) / clockTicks, resident, errors.Join(err1, err2, err3)
}

func countFiles(dir string) (int, error) {
	d, err := os.Open(dir)
	if err != nil {
		return 0, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	return len(names) - 1, err // without the one just opened
}
