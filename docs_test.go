package fieldpost

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// quoted matches what docs/troubleshooting.md quotes word for word whatever the values around it: the fixed message of a log line, and what comes behind a
// semicolon, which is the part that we wrote ourselves.
var (
	fixed  = regexp.MustCompile(`msg=(?:"([^"]+)"|(\S+))`)
	advice = regexp.MustCompile(`; ([^;]+)`)
)

// TestTroubleshootingQuotesTheCode: whoever searches the page for what the log says must find it, so what it quotes must be what the code says.
func TestTroubleshootingQuotesTheCode(t *testing.T) {
	page, err := os.ReadFile("docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	code := sources(t)
	inside, found := false, 0
	for n, line := range strings.Split(string(page), "\n") {
		if strings.HasPrefix(line, "```") {
			inside = !inside
			continue
		}
		if !inside {
			continue
		}
		for _, text := range quotes(line) {
			found++
			if !strings.Contains(code, text) {
				t.Errorf("docs/troubleshooting.md:%d: no code says %q", n+1, text)
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d quotes found: has the page another form?", found)
	}
}

// quotes returns the parts of a line that must be in the code.
func quotes(line string) (parts []string) {
	for _, m := range fixed.FindAllStringSubmatch(line, -1) {
		parts = append(parts, m[1]+m[2])
	}
	for _, m := range advice.FindAllStringSubmatch(line, -1) {
		text, _, _ := strings.Cut(m[1], `" `) // the attributes behind it
		text = strings.TrimSuffix(text, `"`)
		for _, part := range variable.Split(text, -1) {
			if part = strings.TrimSpace(part); len(part) > 8 {
				parts = append(parts, part)
			}
		}
	}
	return parts
}

// variable matches what stands for a value in a message.
var variable = regexp.MustCompile(`…|"[^"]*"|\b[a-z]+://| /\S+|: [a-z]+\.[a-z.]+|\([^)]*\)|\d+|\bdialout\b|\bnobody\b`)

// sources returns all string literals of the code and of the page that is shown in place of the dashboard.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	literal := regexp.MustCompile("\"(?:[^\"\\\\\n]|\\\\.)*\"|`[^`]*`")
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == "node_modules" || e.Name() == ".git"):
			return fs.SkipDir
		case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		b, err := os.ReadFile(path)
		for _, s := range literal.FindAllString(string(b), -1) {
			if plain, err := strconv.Unquote(s); err == nil {
				all.WriteString(plain + "\n")
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
