package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"fieldpost/api"
	"fieldpost/telemetry"
)

// dashboard serves f's data and the page as a gateway does. Without a built page there is nothing to look at.
func dashboard(t *testing.T, f *fleet) string {
	t.Helper()
	if _, err := dist.Open("dist/index.html"); err != nil {
		t.Skip("the dashboard is not built: make ui")
	}
	page, err := New()
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", api.New(f, api.Options{}))
	mux.Handle("/{$}", page)
	mux.Handle("/assets/", page)
	s := httptest.NewServer(mux)
	t.Cleanup(s.CloseClientConnections)
	return s.URL
}

// painted is how much of the charts' canvases is not empty, and what it adds up to: it changes when a chart moves.
const painted = `(() => {
	let sum = 0;
	for (const c of document.querySelectorAll(".tile canvas")) {
		const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
		for (let i = 3; i < d.length; i += 4) sum = (sum * 31 + d[i]) % 1000000007;
	}
	return sum;
})()`

func TestDashboard(t *testing.T) {
	b := newBrowser(t)
	f := newFleet()
	f.past(time.Now())
	url := dashboard(t, f)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); f.run(ctx) }()
	defer func() { stop(); <-done }()

	b.screen(1440, 900, "light")
	b.open(url + "/")
	b.await("both nodes on the fleet's page", `document.querySelectorAll(".card").length === 2`)
	b.await("a live stream", `document.querySelector("#connection").textContent === "live"`)
	b.await("records by the second", `[...document.querySelectorAll(".card .numbers b")].some(e => Number(e.textContent) > 1)`)
	b.await("the past alarm", `document.querySelectorAll(".event").length === 2 && document.querySelectorAll(".event.active").length === 0`)
	b.shoot("fleet-light")

	// An event, while the page is looked at.
	f.overheat(telemetry.Raised, time.Now())
	b.await("the alarm among the events", `document.querySelector(".event.active .badge.critical")?.textContent === "raised"`)
	b.await("the alarm on the node's card", `document.querySelector(".card .badge.critical")?.textContent.startsWith("bearing")`)

	// A link outage: nothing comes, then what is missing is told, then it has come.
	f.change("boat-2", func(n *api.Node) { n.Online = false })
	b.await("a node offline", `document.querySelector(".card.offline h3")?.textContent === "boat-2"`)
	b.shoot("fleet-outage")
	f.change("boat-2", miss(5200))
	f.change("boat-2", func(n *api.Node) { n.Online = true })
	b.await("what is missing", `document.querySelector(".card .missing")?.textContent === "5,200"`)
	b.screen(1440, 900, "dark")
	b.await("dark colours", `getComputedStyle(document.body).backgroundColor === "rgb(14, 20, 24)"`)
	b.shoot("fleet-dark")
	f.change("boat-2", miss(0))
	b.await("nothing missing", `!document.querySelector(".card b.missing")`)

	// By keyboard to a node, its tiles and lines.
	b.eval(`document.querySelector('.card a[href="#/pump-house"]').focus()`)
	for _, kind := range []string{"rawKeyDown", "char", "keyUp"} {
		b.do("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13}, nil)
	}
	b.await("the node's tiles", `document.querySelectorAll(".tile").length === 8`)
	b.await("the node's lines", `document.querySelectorAll(".tile canvas").length === 8`)
	b.shoot("node-dark")

	// A device: charts that move.
	b.screen(1440, 900, "light")
	b.eval(`location.hash = "#/pump-house/pump"`)
	b.await("the device's charts", `document.querySelectorAll(".tile.large canvas").length === 4 && document.title.startsWith("pump on pump-house")`)
	before := b.eval(painted)
	if before == float64(0) {
		t.Error("the charts are empty")
	}
	b.await("charts that move", painted+" !== "+number(before))
	b.shoot("device-light")
	for _, span := range []string{"7d", "5m"} {
		b.eval(`document.querySelector('.spans input[value="` + span + `"]').click()`)
		b.await("the span in the address", `location.hash.endsWith("?span=`+span+`")`)
	}
	b.screen(1440, 900, "dark")
	b.await("dark charts", `getComputedStyle(document.body).backgroundColor === "rgb(14, 20, 24)"`)
	b.await("charts drawn in the dark", painted+" !== 0")
	b.shoot("device-dark")

	// On a phone nothing is wider than the screen.
	b.screen(390, 844, "light")
	for _, place := range []string{"#/", "#/boat-2", "#/boat-2/weather"} {
		b.eval(`location.hash = "` + place + `"`)
		b.await("the page on a phone", `document.querySelectorAll(".card, .tile").length > 0`)
		b.await("no sideways scrolling", `document.documentElement.scrollWidth <= 390`)
		b.shoot("phone" + map[string]string{"#/": "-fleet", "#/boat-2": "-node", "#/boat-2/weather": "-device"}[place])
	}

	// What stands is shown, however much has happened since.
	began := time.Now().Add(-2 * time.Hour)
	f.raise("boat-2", telemetry.Event{Device: "weather", Pattern: "storm", State: telemetry.Raised, Severity: telemetry.Critical, Time: telemetry.TimeOf(began), Message: "storm"})
	for i := range 600 {
		f.raise("pump-house", telemetry.Event{Device: "pump", Pattern: "flutter", State: telemetry.State(i % 2), Time: telemetry.TimeOf(began.Add(time.Duration(i+1) * time.Second))})
	}
	b.open("about:blank")
	b.open(url + "/")
	b.await("the old alarm on the node's card", `[...document.querySelectorAll(".card .badge.critical")].some(e => e.textContent === "storm")`)
	b.checkConsole()
}
