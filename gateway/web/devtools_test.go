package web

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// patience is how long the browser may take for what must happen.
const patience = 30 * time.Second

// browser is one page of a headless Chromium, driven over its DevTools protocol.
type browser struct {
	t       *testing.T
	conn    *websocket.Conn
	session string

	mu       sync.Mutex
	next     int
	answers  map[int]chan answer
	problems []string // console errors and exceptions
}

type answer struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

// newBrowser starts Chromium; the test is skipped where there is none.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium here: scripts/setup installs it")
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, path,
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
		"--remote-debugging-port=0", "--user-data-dir="+t.TempDir(), "about:blank")
	errs, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	c.WaitDelay = time.Second // its children hold the pipe
	t.Cleanup(func() {
		killed := time.AfterFunc(patience, cancel)
		_ = c.Wait() // whatever its status
		killed.Stop()
		cancel()
	})
	b := &browser{t: t, answers: map[int]chan answer{}}
	b.connect(listening(t, bufio.NewScanner(errs)))
	return b
}

// listening returns the address that Chromium writes when it is up, and reads on so that it can go on writing.
func listening(t *testing.T, lines *bufio.Scanner) string {
	t.Helper()
	found := make(chan string, 1)
	go func() {
		for lines.Scan() {
			if at, ok := strings.CutPrefix(lines.Text(), "DevTools listening on "); ok {
				found <- at
			}
		}
		close(found)
	}()
	select {
	case at, ok := <-found:
		if ok {
			return at
		}
		t.Fatal("Chromium ended before it listened")
	case <-time.After(patience):
		t.Fatal("Chromium does not listen")
	}
	return ""
}

func (b *browser) connect(address string) {
	b.t.Helper()
	conn, _, err := websocket.Dial(b.t.Context(), address, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	conn.SetReadLimit(64 << 20) // screenshots
	b.conn = conn
	done := make(chan struct{})
	go func() { defer close(done); b.read() }()
	b.t.Cleanup(func() { // by itself: killed, it would leave children that still write into the folder which is removed next
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := conn.Write(ctx, websocket.MessageText, []byte(`{"id":0,"method":"Browser.close"}`)); err == nil {
			select {
			case <-done:
			case <-ctx.Done():
			}
		}
		_ = conn.CloseNow()
		<-done
	})
	var target struct{ TargetID string }
	b.do("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.do("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.do(domain+".enable", nil, nil)
	}
}

// read sorts what comes until the connection is closed.
func (b *browser) read() {
	for {
		_, text, err := b.conn.Read(context.Background())
		if err != nil {
			return
		}
		var m struct {
			ID     int
			Method string
			Params json.RawMessage
			answer
		}
		if err := json.Unmarshal(text, &m); err != nil {
			b.problem("message of the browser: " + err.Error())
			continue
		}
		switch m.Method {
		case "":
			b.mu.Lock()
			waiting := b.answers[m.ID]
			delete(b.answers, m.ID)
			b.mu.Unlock()
			if waiting != nil {
				waiting <- m.answer
			}
		case "Runtime.exceptionThrown":
			b.problem(string(m.Params))
		case "Runtime.consoleAPICalled", "Log.entryAdded":
			if said := string(m.Params); strings.Contains(said, `"type":"error"`) || strings.Contains(said, `"level":"error"`) {
				b.problem(said)
			}
		}
	}
}

func (b *browser) problem(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, text)
}

// checkConsole reports what the page complained of, and forgets it.
func (b *browser) checkConsole() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems {
		b.t.Errorf("the console says: %s", p)
	}
	b.problems = nil
}

// do calls a method of the protocol.
func (b *browser) do(method string, params map[string]any, result any) {
	b.t.Helper()
	b.mu.Lock()
	b.next++
	id, waiting := b.next, make(chan answer, 1)
	b.answers[id] = waiting
	b.mu.Unlock()
	call := map[string]any{"id": id, "method": method}
	if params != nil {
		call["params"] = params
	}
	if b.session != "" {
		call["sessionId"] = b.session
	}
	text, err := json.Marshal(call)
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	if err := b.conn.Write(ctx, websocket.MessageText, text); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	select {
	case a := <-waiting:
		if a.Error != nil {
			b.t.Fatalf("%s: %s", method, a.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(a.Result, result); err != nil {
				b.t.Fatalf("%s: %v in %s", method, err, a.Result)
			}
		}
	case <-ctx.Done():
		b.t.Fatalf("%s: no answer", method)
	}
}

func (b *browser) open(url string) {
	b.t.Helper()
	b.do("Page.navigate", map[string]any{"url": url}, nil)
}

// eval runs an expression in the page and returns its value.
func (b *browser) eval(expression string) any {
	b.t.Helper()
	var out struct {
		Result           struct{ Value any }
		ExceptionDetails *json.RawMessage
	}
	b.do("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &out)
	if out.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, *out.ExceptionDetails)
	}
	return out.Result.Value
}

// await waits until an expression is true in the page.
func (b *browser) await(what, expression string) {
	b.t.Helper()
	end := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for b.eval(expression) != true {
		select {
		case <-tick.C:
		case <-end:
			b.shoot("failed")
			b.t.Fatalf("waited in vain: %s; the page says: %v", what, b.eval("document.body.innerText"))
		}
	}
}

// screen sets the size, and the theme that the system asks for.
func (b *browser) screen(width, height int, scheme string) {
	b.t.Helper()
	b.do("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	b.do("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// shoot keeps a picture of the page where FIELDPOST_SCREENSHOTS names a folder.
func (b *browser) shoot(name string) {
	b.t.Helper()
	dir := os.Getenv("FIELDPOST_SCREENSHOTS")
	if dir == "" {
		return
	}
	var out struct{ Data string }
	b.do("Page.captureScreenshot", map[string]any{"format": "png"}, &out)
	png, err := base64.StdEncoding.DecodeString(out.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(fmt.Sprintf("%s/%s.png", dir, name), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func number(v any) string { return fmt.Sprintf("%.0f", v) }
