package mqtt

import (
	"log/slog"
	"testing"
	"time"
)

func TestSilenceLearns(t *testing.T) {
	s := newSilence(time.Minute, slog.New(slog.DiscardHandler))
	step := func(n int, died bool, want time.Duration) {
		t.Helper()
		s.lived(s.interval(), n, died)
		if got := s.interval(); got != want {
			t.Fatalf("after %d silences, died %v: %v, want %v", n, died, got, want)
		}
	}
	step(0, true, time.Minute) // an outage begins in a silence too
	step(3, false, time.Minute)
	step(0, true, time.Minute)
	step(1, true, time.Minute) // it lived through one: the path does not forget
	step(0, true, 40*time.Second)
	s.lived(time.Minute, 0, true) // tells of the interval before
	s.lived(time.Minute, 0, true)
	step(0, true, 40*time.Second)
	step(0, true, 27*time.Second)
	step(99, false, 27*time.Second)
	step(100, false, 40*time.Second)
	step(1000, false, time.Minute)
	step(1000, false, time.Minute)
	for range 30 {
		s.lived(s.interval(), 0, true)
	}
	if got := s.interval(); got != shortestSilence {
		t.Fatalf("at the shortest: %v", got)
	}
}

func TestSilencesCounted(t *testing.T) {
	s := silences{interval: time.Minute}
	now := time.Now()
	at := func(seconds int) time.Time { return now.Add(time.Duration(seconds) * time.Second) }
	s.sent(at(0))
	s.heard(at(1))
	s.sent(at(30))
	s.heard(at(31))
	s.sent(at(91)) // a silence over
	s.sent(at(92))
	if n, died := s.count(); n != 0 || !died {
		t.Fatalf("before the answer: %d, %v", n, died)
	}
	s.heard(at(93))
	if n, died := s.count(); n != 1 || died {
		t.Fatalf("after the answer: %d, %v", n, died)
	}
	s.sent(at(200))
	if n, died := s.count(); n != 1 || !died {
		t.Fatalf("in the next: %d, %v", n, died)
	}
}
