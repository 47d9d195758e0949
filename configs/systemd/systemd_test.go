// Package systemd_test holds that the units say what they must, by systemd's own tools where they are installed.
package systemd_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// units are the shipped files, and the exposure that each may have, in tenths. A service without any restriction has 96.
var units = []struct {
	file     string
	exposure string
}{
	{"fieldpost-edge.service", "22"},
	{"fieldpost-gateway.service", "15"},
}

// TestVerify loads each unit as systemd would. The programs need not be installed: a file that can be run stands in for them.
func TestVerify(t *testing.T) {
	analyze := tool(t)
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
	for _, u := range units {
		text, err := os.ReadFile(u.file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(u.file, ".service")
		text = bytes.ReplaceAll(text, []byte("/usr/local/bin/"+name+" "), []byte(program+" "))
		if !bytes.Contains(text, []byte(program)) {
			t.Fatalf("%s does not run /usr/local/bin/%s", u.file, name)
		}
		file := filepath.Join(dir, u.file)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		// It says what it does not know and leaves with 0, so that a misspelt key is seen by its words only. Of other units it may say what it likes.
		out, err := exec.Command(analyze, "verify", "--man=no", file).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "fieldpost") {
				t.Errorf("%s: %s", u.file, line)
			}
		}
		if err != nil && strings.Contains(string(out), "fieldpost") {
			t.Errorf("%s: %v", u.file, err)
		}
	}
}

// TestSecurity holds the exposure down.
func TestSecurity(t *testing.T) {
	analyze := tool(t)
	for _, u := range units {
		out, err := exec.Command(analyze, "security", "--offline=true", "--no-pager", "--threshold="+u.exposure, u.file).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", u.file, err, out)
		}
	}
}

// TestEdgeMayReadTheClock: systemd's own sets keep adjtimex from a service, and an edge that may not call it takes every clock for unset.
func TestEdgeMayReadTheClock(t *testing.T) {
	s := settings(t, "fieldpost-edge.service")
	filters := s["SystemCallFilter"]
	if len(filters) == 0 || filters[len(filters)-1] != "adjtimex" {
		t.Errorf("SystemCallFilter is %q: adjtimex must come after what takes @clock away", filters)
	}
	if v := s["ProtectClock"]; v != nil {
		t.Errorf("ProtectClock=%s forbids adjtimex", v)
	}
}

// TestEdgeReachesPortsAndItsNumbers holds what hardening by habit would break.
func TestEdgeReachesPortsAndItsNumbers(t *testing.T) {
	s := settings(t, "fieldpost-edge.service")
	for _, key := range []string{"PrivateDevices", "PrivateNetwork", "PrivateUsers", "ProcSubset", "WatchdogSec", "DynamicUser"} {
		if v := s[key]; v != nil {
			t.Errorf("%s=%s", key, v)
		}
	}
	for _, kind := range []string{"ttyUSB", "ttyACM", "ttyS", "ttyAMA", "serial"} {
		if !slices.Contains(s["DeviceAllow"], "char-"+kind+" rw") {
			t.Errorf("no DeviceAllow for %s", kind)
		}
	}
	if !slices.Equal(s["SupplementaryGroups"], []string{"dialout"}) {
		t.Errorf("SupplementaryGroups=%s; the ports belong to dialout", s["SupplementaryGroups"])
	}
	for _, key := range []string{"After", "Wants", "Requires"} {
		for _, v := range s[key] {
			if strings.Contains(v, "network") || strings.Contains(v, "time") {
				t.Errorf("%s=%s: an edge starts without a network and without the time", key, v)
			}
		}
	}
}

// TestBothStartAgain holds what an unattended machine needs.
func TestBothStartAgain(t *testing.T) {
	for file, state := range map[string]string{"fieldpost-edge.service": "fieldpost", "fieldpost-gateway.service": "fieldpost-gateway"} {
		s := settings(t, file)
		for key, want := range map[string]string{
			"Restart": "always", "StartLimitIntervalSec": "0", "StateDirectory": state, "StateDirectoryMode": "0700",
			"ProtectSystem": "strict", "NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "MemoryDenyWriteExecute": "yes",
		} {
			if !slices.Equal(s[key], []string{want}) {
				t.Errorf("%s: %s is %q, want %q", file, key, s[key], want)
			}
		}
	}
}

// settings returns the values of each key in a unit, in their order.
func settings(t *testing.T, file string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == '[' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			t.Fatalf("%s: %q is no setting", file, line)
		}
		values[key] = append(values[key], value)
	}
	return values
}

func tool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	return path
}
