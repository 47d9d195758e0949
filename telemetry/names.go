package telemetry

import "fmt"

// MaxName is the longest node, device or metric name in bytes.
const MaxName = 63

// CheckNode reports why s cannot be a node's name, or nil: [a-z0-9][a-z0-9-]{0,62}, so that it can be a host name and a topic level.
func CheckNode(s string) error {
	return check(s, "node name", "lower-case letters, digits and -, beginning with a letter or digit", func(i int, c byte) bool {
		return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' && i > 0
	})
}

// CheckName reports why s cannot be a device's or metric's name, or nil: [a-z][a-z0-9_]{0,62}, so that it can be a variable in a pattern.
func CheckName(s string) error {
	return check(s, "name", "lower-case letters, digits and _, beginning with a letter", func(i int, c byte) bool {
		return c >= 'a' && c <= 'z' || i > 0 && (c >= '0' && c <= '9' || c == '_')
	})
}

func check(s, what, want string, ok func(int, byte) bool) error {
	if s == "" {
		return fmt.Errorf("empty %s", what)
	}
	if len(s) > MaxName {
		return fmt.Errorf("%s %.20q… is %d bytes long; at most %d", what, s, len(s), MaxName)
	}
	for i := range len(s) {
		if !ok(i, s[i]) {
			return fmt.Errorf("%s %q: use %s", what, s, want)
		}
	}
	return nil
}
