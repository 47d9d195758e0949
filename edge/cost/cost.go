// Package cost estimates what a node will take: bytes of its link and its card, the outage that its journal outlasts, and how long the card lives. It
// computes; it measures nothing. The constants are what fieldpost-bench wire and flash measured (docs/benchmarks.md), and hold for values with a few digits that change
// a little each time, within about a third; whole doubles take three bytes a reading more.
package cost

import "time"

// Load is what the instruments say.
type Load struct {
	PerSecond float64 // readings, over all series
	Series    int
}

// Setup is what the files say.
type Setup struct {
	CommitEvery time.Duration
	SendEvery   time.Duration
	TLS         bool
	Linked      bool
	Dense       bool    // frames on the link are
	Room        float64 // bytes that the journal may take
	Endurance   float64 // bytes that the card can be written
}

// Estimate is what comes of it. Bytes are a day's.
type Estimate struct {
	Payload float64 // frames and acks; 0 without a link
	Link    float64 // all that a socket carries, one connection a day included; 0 without a link
	Journal float64 // what the journal grows by
	Flash   float64 // what is written to the card

	OutageDays float64 // until the journal is full
	CardYears  float64 // until the card has been written as much as it can be
}

const (
	day = 86400. // seconds

	frameBytes   = 55.  // of a frame, whatever is in it, and of its ack
	columnBytes  = 3.   // of each series in it
	readingBytes = 1.5  // of each reading
	fullFrame    = 8192 // readings: more are not joined

	denseFrame   = 33.  // the same of a dense frame
	denseReading = 0.85 // of each reading in it, its series included

	mqttBytes    = 16.   // of a message and its ack
	tlsBytes     = 22.   // of their records
	connectBytes = 5600. // of TLS with certificates, MQTT's greeting and the hello, both ways

	page       = 2500. // of the front file, written at each commit: of readings once a second some meet in one
	entryBytes = 100.  // of an entry in the journal beside its frame
	passes     = 2.5   // how often what is committed is written: front file, segment, and its tree
)

// Of returns the estimate for a load.
func Of(l Load, s Setup) (e Estimate) {
	if l.PerSecond <= 0 {
		return e
	}
	commits, inCommit := batches(l, s.CommitEvery)
	e.Journal = commits * (frame(l, inCommit) + entryBytes)
	e.Flash = commits * (page + passes*(frame(l, inCommit)+entryBytes))
	if s.Linked {
		messages, inMessage := batches(l, max(s.SendEvery, s.CommitEvery))
		if inMessage > fullFrame {
			messages, inMessage = l.PerSecond*day/fullFrame, fullFrame
		}
		around := mqttBytes
		if s.TLS {
			around += tlsBytes
		}
		e.Payload = messages * frame(l, inMessage)
		if s.Dense {
			e.Payload = messages * (denseFrame + denseReading*inMessage)
		}
		e.Link = e.Payload + messages*around + connectBytes
	}
	e.OutageDays = s.Room / e.Journal
	const daysOfYear = 365.25
	e.CardYears = s.Endurance / e.Flash / daysOfYear
	return e
}

// batches returns how many batches a day has if one is made each so often, and how many readings are in it: one at least.
func batches(l Load, every time.Duration) (n, readings float64) {
	readings = max(1, l.PerSecond*every.Seconds())
	return l.PerSecond * day / readings, readings
}

// frame returns the bytes of a frame of so many readings.
func frame(l Load, readings float64) float64 {
	return frameBytes + columnBytes*min(float64(l.Series), readings) + readingBytes*readings
}
