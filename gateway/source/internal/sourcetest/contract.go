package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"fieldpost/gateway/source"
	"fieldpost/telemetry/wire"
)

// Running is a source under test.
type Running struct {
	Source source.Source
	URL    string // where nodes connect
}

// Start makes a source and whatever it needs, runs it with r until the test ends or stop is called, and returns when nodes can
// reach the gateway by it. stop ends Run and returns its error.
type Start func(t *testing.T, r source.Receiver) (run Running, stop func() error)

// RunUntil runs s until the test ends or stop is called. Every start function ends with it.
func RunUntil(t *testing.T, run func(context.Context) error) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- run(ctx) }()
	done := false
	var err error
	stop = func() error {
		if done {
			return err
		}
		done = true
		cancel()
		select {
		case err = <-result:
		case <-time.After(Patience):
			err = errors.New("stop: Run did not return")
		}
		return err
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return stop
}

// Contract tests what source.Source, source.Receiver and source.Conn promise.
func Contract(t *testing.T, start Start) {
	t.Run("messages arrive in order, once, with their bytes", func(t *testing.T) {
		r := NewRecorder()
		run, _ := start(t, r)
		a, b := Dial(t, run.URL, "a", "lte", nil), Dial(t, run.URL, "b", "lte", nil)
		want := map[string][]string{}
		for i := range 100 {
			p := fmt.Sprintf("%d \x00\xff\n", i)
			a.Up(t, 0, p)
			b.Up(t, 1, p+"b")
			want["a"], want["b"] = append(want["a"], p), append(want["b"], p+"b")
		}
		events := r.Await(t, "200 messages", func(e []Event) bool { return countOf(e, "received") == 200 })
		for _, node := range []string{"a", "b"} {
			var got []string
			for i, e := range ofNode(events, node) {
				if (i == 0) != (e.What == "connected") {
					t.Fatalf("node %s: event %d is %v", node, i, e)
				}
				if e.What == "received" {
					got = append(got, e.Payload)
				}
			}
			if !slices.Equal(got, want[node]) {
				t.Errorf("node %s: got %q, want %q", node, got, want[node])
			}
		}
		if st := run.Source.Status(); !st.Up || st.Nodes != 2 || st.Received != 200 || len(st.Refused) != 0 {
			t.Errorf("status: %+v", st)
		}
	})
	t.Run("an empty and a large message", func(t *testing.T) {
		r := NewRecorder()
		run, _ := start(t, r)
		a := Dial(t, run.URL, "a", "lte", nil)
		large := make([]byte, source.MaxPayload)
		for i := range large {
			large[i] = byte(i * i >> 8)
		}
		a.Up(t, 1, "")
		a.Up(t, 1, string(large))
		events := r.Await(t, "two messages", func(e []Event) bool { return countOf(e, "received") == 2 })
		if got := events[len(events)-2:]; got[0].Payload != "" || got[1].Payload != string(large) {
			t.Errorf("got %d and %d bytes, want 0 and %d", len(got[0].Payload), len(got[1].Payload), len(large))
		}
		c := events[0].Conn
		if err := c.Send(large); err != nil {
			t.Fatal(err)
		}
		a.AwaitDown(t, string(large))
		if err := c.Send(make([]byte, source.MaxPayload+1)); err == nil {
			t.Error("a message beyond the limit was taken")
		}
	})
	t.Run("what goes down goes to that node", func(t *testing.T) {
		r := NewRecorder()
		run, _ := start(t, r)
		a, b := Dial(t, run.URL, "a", "lte", nil), Dial(t, run.URL, "b", "lte", nil)
		a.Up(t, 0, "x")
		b.Up(t, 0, "x")
		ca, cb := r.AwaitEvent(t, "connected a").Conn, r.AwaitEvent(t, "connected b").Conn
		for i := range 20 {
			send(t, ca, fmt.Sprint("to a ", i))
			send(t, cb, fmt.Sprint("to b ", i))
			a.AwaitDown(t, fmt.Sprint("to a ", i))
			b.AwaitDown(t, fmt.Sprint("to b ", i))
		}
		AwaitStatus(t, run.Source, "40 sent", func(s source.Status) bool { return s.Sent == 40 })
	})
	t.Run("an answer from within Receive", func(t *testing.T) {
		r := NewRecorder()
		r.OnReceive = func(c source.Conn, p []byte) error { return c.Send([]byte("re: " + string(p))) }
		run, _ := start(t, r)
		a := Dial(t, run.URL, "a", "lte", nil)
		for i := range 50 {
			a.Up(t, 1, fmt.Sprint(i))
			a.AwaitDown(t, fmt.Sprint("re: ", i))
		}
	})
	t.Run("a violation ends the connection", func(t *testing.T) {
		r := NewRecorder()
		r.OnReceive = func(_ source.Conn, p []byte) error {
			if string(p) == "bad" {
				return errors.New("not a message")
			}
			return nil
		}
		run, _ := start(t, r)
		a, b := Dial(t, run.URL, "a", "lte", nil), Dial(t, run.URL, "b", "lte", nil)
		a.Up(t, 0, "good")
		b.Up(t, 0, "good")
		a.Up(t, 0, "bad")
		c := r.AwaitEvent(t, "gone a").Conn
		if err := c.Send([]byte("late")); !errors.Is(err, source.ErrGone) {
			t.Errorf("Send after the end: %v", err)
		}
		AwaitCount(t, run.Source, source.Violation, 1)
		b.Up(t, 1, "still here")
		r.AwaitEvent(t, `received b "still here"`)
		if n := countOf(ofNode(r.Events(), "b"), "gone"); n != 0 {
			t.Error("node b was ended for node a's violation")
		}
	})
	t.Run("Close ends a conversation once", func(t *testing.T) {
		r := NewRecorder()
		run, _ := start(t, r)
		a := Dial(t, run.URL, "a", "lte", nil)
		a.Up(t, 0, "x")
		c := r.AwaitEvent(t, "connected a").Conn
		c.Close(errors.New("enough"))
		c.Close(errors.New("enough"))
		r.AwaitEvent(t, "gone a")
		if n := countOf(r.Events(), "gone"); n != 1 {
			t.Errorf("Gone %d times", n)
		}
		again := Dial(t, run.URL, "a", "lte", nil)
		again.Up(t, 1, "y")
		r.AwaitEvent(t, `received a "y"`)
		if n := countOf(r.Events(), "connected"); n != 2 {
			t.Errorf("Connected %d times, want 2", n)
		}
	})
	t.Run("presence, online and by will", func(t *testing.T) {
		r := NewRecorder()
		run, _ := start(t, r)
		will := wire.LinkState{Nonce: 0xbeef, Link: "lte", Version: "1", Epoch: 7}
		a := Dial(t, run.URL, "a", "lte", func(o *paho.ClientOptions) {
			o.SetBinaryWill(wire.State("fp", "a", "lte"), will.Marshal(), 1, true)
		})
		on := will
		on.Online = true
		a.State(t, on)
		if got := r.AwaitEvent(t, "presence a lte online=true nonce=beef").State; got != on {
			t.Errorf("got %+v, want %+v", got, on)
		}
		a.Cut(t)
		if got := r.AwaitEvent(t, "presence a lte online=false nonce=beef").State; got != will {
			t.Errorf("got %+v, want %+v", got, will)
		}
	})
	t.Run("states that are none", func(t *testing.T) {
		r := NewRecorder()
		run, _ := start(t, r)
		a := Dial(t, run.URL, "a", "lte", nil)
		for _, p := range []string{"{", `{"status":"asleep"}`, `{"status":"online","nonce":"xyz"}`} {
			if err := wait(a.Client.Publish(wire.State("fp", "a", "lte"), 0, true, p)); err != nil {
				t.Fatal(err)
			}
		}
		AwaitCount(t, run.Source, source.BadState, 3)
		if e := r.Events(); len(e) != 0 {
			t.Errorf("the receiver was told %v", e)
		}
	})
	t.Run("a node that does not read is ended, and Send never blocks", func(t *testing.T) {
		r := NewRecorder()
		run, _ := start(t, r)
		a := Dial(t, run.URL, "a", "lte", func(o *paho.ClientOptions) {
			o.SetDefaultPublishHandler(func(paho.Client, paho.Message) { <-t.Context().Done() })
		})
		a.Up(t, 0, "x")
		c := r.AwaitEvent(t, "connected a").Conn
		deadline := time.Now().Add(Patience)
		for {
			if err := c.Send(make([]byte, 256<<10)); err != nil {
				if !errors.Is(err, source.ErrBehind) {
					t.Errorf("Send: %v", err)
				}
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("Send takes whatever it is given")
			}
		}
		r.AwaitEvent(t, "gone a")
		AwaitCount(t, run.Source, source.Behind, 1)
	})
	t.Run("stopping ends all connections", func(t *testing.T) {
		r := NewRecorder()
		run, stop := start(t, r)
		for i := range 10 {
			Dial(t, run.URL, fmt.Sprint("n", i), "lte", nil).Up(t, 0, "x")
		}
		r.Await(t, "10 messages", func(e []Event) bool { return countOf(e, "received") == 10 })
		if err := stop(); err != nil {
			t.Fatalf("Run: %v", err)
		}
		if n := countOf(r.Events(), "gone"); n != 10 {
			t.Errorf("%d of 10 connections are gone when Run returns", n)
		}
		if st := run.Source.Status(); st.Up || st.Nodes != 0 {
			t.Errorf("status: %+v", st)
		}
	})
}

func send(t *testing.T, c source.Conn, p string) {
	t.Helper()
	if err := c.Send([]byte(p)); err != nil {
		t.Fatalf("send to %s: %v", c.Peer().Node, err)
	}
}

func countOf(events []Event, what string) (n int) {
	for _, e := range events {
		if e.What == what {
			n++
		}
	}
	return n
}

func ofNode(events []Event, node string) (out []Event) {
	for _, e := range events {
		if e.Node == node {
			out = append(out, e)
		}
	}
	return out
}
