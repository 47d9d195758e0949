package setting

import (
	"fmt"
	"strconv"
	"strings"
)

// Path joins keys (strings) and list places (ints) to a path as Problem takes it: Path("metrics", 1, "name") is metrics[1].name.
// Empty keys are left out, so that a path can begin with that of a struct that is the root.
func Path(parts ...any) string {
	var b strings.Builder
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b.WriteString("[" + strconv.Itoa(p) + "]")
		case string:
			if p == "" {
				continue
			}
			if b.Len() > 0 && p[0] != '[' {
				b.WriteByte('.')
			}
			b.WriteString(p)
		default:
			panic(fmt.Sprintf("setting.Path: %T is neither a key nor a place", p))
		}
	}
	return b.String()
}
