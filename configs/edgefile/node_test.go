package edgefile_test

import (
	"strings"
	"testing"

	"fieldpost/configs/edgefile"
)

func TestNodeOfHost(t *testing.T) {
	for host, want := range map[string]string{
		"pi-7":                   "pi-7",
		"PI_7.local":             "pi-7",
		"-x-":                    "x",
		"kühlhaus":               "khlhaus",
		"7":                      "7",
		strings.Repeat("a", 70):  strings.Repeat("a", 63),
		strings.Repeat("a-", 40): strings.Repeat("a-", 31) + "a",
		"":                       "",
		"...":                    "",
		"日本":                     "",
	} {
		got, ok := edgefile.NodeOf(host)
		if got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v; want %q", host, got, ok, want)
		}
	}
}
