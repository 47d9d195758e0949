package serialport

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// byID is where udev links serial adapters by maker, product and serial number.
const byID = "/dev/serial/by-id"

// plugged tells which adapters dir lists.
func plugged(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		return "no USB adapter is plugged in: " + dir + " is empty"
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return "plugged in are, in " + dir + ": " + strings.Join(names, ", ")
}

// group names the group that owns the device, dialout if that cannot be told.
func group(path string) string {
	const usual = "dialout"
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return usual
	}
	g, err := user.LookupGroupId(strconv.FormatUint(uint64(st.Gid), 10))
	if err != nil || g.Name == "root" {
		return usual
	}
	return g.Name
}

// holder tells who has the device at path, as far as /proc lets this user see, as the tail of a sentence.
func holder(path string) string {
	pid := lockHolder("/proc/locks", path)
	if pid == 0 {
		pid = fileHolder("/proc", path)
	}
	if pid == 0 {
		return "; stop the other program that has it open (try: fuser -v " + path + ")"
	}
	if pid == os.Getpid() {
		return fmt.Sprintf(" by this process (%d): two devices name the same port, or it was closed just now", pid)
	}
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return fmt.Sprintf(" by process %d; stop it", pid)
	}
	return fmt.Sprintf(" by process %d (%s); stop it", pid, bytes.TrimSpace(name))
}

// lockHolder finds the process that holds a flock on path in a file like /proc/locks (proc_locks(5)), or 0.
func lockHolder(locks, path string) int {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return 0
	}
	dev := uint64(st.Dev)
	want := fmt.Sprintf("%02x:%02x:%d", unix.Major(dev), unix.Minor(dev), st.Ino)
	f, err := os.Open(locks)
	if err != nil {
		return 0
	}
	defer f.Close()
	// 1: FLOCK  ADVISORY  WRITE 1234 00:06:87 0 EOF
	for s := bufio.NewScanner(f); s.Scan(); {
		w := strings.Fields(s.Text())
		if len(w) > 5 && w[1] == "FLOCK" && w[5] == want {
			pid, err := strconv.Atoi(w[4])
			if err == nil && pid > 0 { // 0 or less: a process outside this container
				return pid
			}
		}
	}
	return 0
}

// fileHolder finds a process other than this one that has path open, or 0. Only root sees those of other users.
func fileHolder(proc, path string) int {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return 0
	}
	links, err := filepath.Glob(filepath.Join(proc, "[0-9]*/fd/*"))
	if err != nil {
		return 0
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err != nil || to != real {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(link))))
		if err == nil && pid != os.Getpid() {
			return pid
		}
	}
	return 0
}
