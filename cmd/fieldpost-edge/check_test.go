package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fieldpost/cmd/internal/command"
)

func TestCheckCost(t *testing.T) {
	dir := t.TempDir()
	for path, text := range map[string]string{
		"edge.yaml":      "node: pi-7\njournal: {dir: j, max_size: 1GiB}\nlinks:\n  - {name: lte, send_every: 1m, mqtt: {url: \"tcp://127.0.0.1:1883\"}}\n  - {name: plant, mqtt: {url: \"tcp://127.0.0.1:1884\", ack: broker, format: json}}\n",
		"devices/a.yaml": "device: a\nsim: {interval: 1s}\nmetrics: [{name: x, shape: sine}, {name: y, shape: sine}]\n",
		"rates.csv":      "device,metric,per_second\n# slow\na, x, 0.1\na,y,2\n",
		"unknown.csv":    "a,z,1\n",
		"number.csv":     "a,x,1\na,y,often\n",
		"cells.csv":      "a,x\n",
	} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args []string
		code int
		out  string // a regular expression
		errs string // a part of it
	}{
		{nil, command.OK, `^\S+: ok: node pi-7, devices: 1, links: 2\n$`, ""},
		{[]string{"-cost"}, command.OK, `(?s)2 of 2 metrics are taken.*readings +2 a second, of 2 metrics.*card .* a day; at 10 TB it lasts .*1\.07 GB outlasts.*link lte .*payload.*link plant +is not estimated`, ""},
		{[]string{"-cost", "-rates", "rates.csv", "-endurance", "0.1"}, command.OK, `(?s)^[^\n]+\n\nreadings +2\.1 a second.*at 0\.1 TB`, ""},
		{[]string{"-cost", "-rates", "unknown.csv"}, command.Failed, "", "unknown.csv:1: no device file has metric z of device a"},
		{[]string{"-cost", "-rates", "number.csv"}, command.Failed, "", `number.csv:2: "often" is no number of readings a second`},
		{[]string{"-cost", "-rates", "cells.csv"}, command.Failed, "", "want device,metric,readings a second"},
		{[]string{"-cost", "-rates", "none.csv"}, command.Failed, "", "no such file"},
		{[]string{"-rates", "rates.csv"}, command.BadUsage, "", "-rates goes with -cost"},
		{[]string{"-cost", "-endurance", "0"}, command.BadUsage, "", "want TB above 0"},
	} {
		args := []string{"check", "-config", filepath.Join(dir, "edge.yaml")}
		for _, a := range c.args {
			if strings.HasSuffix(a, ".csv") {
				a = filepath.Join(dir, a)
			}
			args = append(args, a)
		}
		var out, errs bytes.Buffer
		code := command.Run(t.Context(), name, usage, args, command.IO{Out: &out, Errs: &errs}, checkCommand())
		if code != c.code || !regexp.MustCompile(c.out).MatchString(out.String()) || !strings.Contains(errs.String(), c.errs) {
			t.Errorf("%q: status %d\n%s\n%s", c.args, code, &out, &errs)
		}
	}
}
