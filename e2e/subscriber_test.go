package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"fieldpost/faultproxy"
)

// subscriber is a consumer that knows nothing of Fieldpost: it reads what is published on a broker.
type subscriber struct {
	t      *testing.T
	mu     sync.Mutex
	seen   map[int]int // how often each number came
	one    map[string]int
	events int
}

// subscribe listens with a session that the broker keeps, on topic.
func subscribe(t *testing.T, url, id, topic string) *subscriber {
	t.Helper()
	s := &subscriber{t: t, seen: map[int]int{}, one: map[string]int{}}
	o := paho.NewClientOptions().AddBroker(url).SetClientID(id).SetCleanSession(false).SetAutoReconnect(true).SetMaxReconnectInterval(time.Second).SetConnectRetry(true).SetConnectRetryInterval(100 * time.Millisecond)
	up := make(chan struct{}, 16)
	o.SetOnConnectHandler(func(c paho.Client) {
		c.Subscribe(topic, 1, func(_ paho.Client, m paho.Message) { s.take(m.Payload()) }).Wait()
		select {
		case up <- struct{}{}:
		default:
		}
	})
	c := paho.NewClient(o)
	c.Connect()
	t.Cleanup(func() { c.Disconnect(100) })
	select {
	case <-up:
	case <-time.After(30 * time.Second):
		t.Fatal("the subscriber did not get through")
	}
	return s
}

// take reads one message in either format.
func (s *subscriber) take(payload []byte) {
	type record struct {
		Lane, Epoch string
		Seq         uint64
		Value       *int
		V           *int
		State       string
		Severity    string
	}
	var all []record
	if payload[0] == '{' {
		all = make([]record, 1)
		if err := json.Unmarshal(payload, &all[0]); err != nil {
			s.t.Errorf("%v in %s", err, payload)
		}
	} else if err := json.Unmarshal(payload, &all); err != nil {
		s.t.Errorf("%v in %s", err, payload)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range all {
		if r.Severity != "" {
			s.events++
			continue
		}
		v := r.Value
		if v == nil {
			v = r.V
		}
		if v == nil {
			s.t.Errorf("no value in %s", payload)
			continue
		}
		s.seen[*v]++
		id := fmt.Sprint(r.Lane, r.Epoch, r.Seq)
		if before, ok := s.one[id]; ok && before != *v {
			s.t.Errorf("%s is %d and %d", id, before, *v)
		}
		s.one[id] = *v
	}
}

// lacks returns the first number that did not come.
func (s *subscriber) lacks(to int) (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := 1; n <= to; n++ {
		if s.seen[n] == 0 {
			return n, true
		}
	}
	return 0, false
}

// TestPlainSubscriber is the honest guarantee of ack: broker. Whatever happens to the edge, to the link and, as long as it keeps its word, to the
// broker: each reading that was committed is seen at least once by who subscribed, and none is seen as another.
func TestPlainSubscriber(t *testing.T) {
	for _, format := range []string{"json", "senml"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			broker, mqtt := mosquitto(t, dir)
			broker.stop(t)
			config := filepath.Join(dir, "mosquitto.conf")
			edit(t, config, "persistence false", "max_queued_messages 0\nuser root\npersistence true\npersistence_location "+dir+"/")
			path, err := filepath.Rel(binaries, broker.cmd.Path)
			if err != nil {
				t.Fatal(err)
			}
			broker = start(t, path, "-c", config)
			url := fmt.Sprintf("tcp://127.0.0.1:%d", mqtt)
			proxy, err := faultproxy.Listen(fmt.Sprintf("127.0.0.1:%d", mqtt))
			if err != nil {
				t.Fatal(err)
			}
			defer proxy.Close()
			consumer := subscribe(t, url, "consumer", "plant/#")

			s := newSite(t, "")
			tcp := instrument(t)
			link := "tcp://" + proxy.Addr()
			e := newEdge(t, s.dir, "pi-1", link, "tcp: "+tcp.Address())
			edit(t, e.config, fmt.Sprintf("{url: %q}", link), fmt.Sprintf("{url: %q, ack: broker, format: %s, topic: \"plant/{kind}/{device}\"}", link, format))
			device := filepath.Join(filepath.Dir(e.config), "devices", "d0.yaml")
			edit(t, device, "silent: off", "silent: off\npatterns:\n  - {name: high, when: n > 100}")
			e.up()
			connected(t, tcp)

			random := rand.New(rand.NewPCG(5, uint64(len(format))))
			told := 0
			for range 12 {
				n := 50 + random.IntN(300)
				say(t, tcp, told+1, told+n)
				told += n
				e.taken(uint64(told))
				switch random.IntN(5) {
				case 0:
					if err := e.process.cmd.Process.Signal(syscall.SIGKILL); err != nil {
						t.Fatal(err)
					}
					<-e.process.exited
					e.again(tcp)
				case 1:
					proxy.Cut()
				case 2:
					proxy.Throttle(faultproxy.Up, 20_000)
				case 3:
					proxy.Throttle(faultproxy.Up, 0)
				case 4:
					broker.stop(t) // and it keeps what it has
					broker = start(t, path, "-c", config)
				}
			}
			proxy.Throttle(faultproxy.Up, 0)
			await(t, "all readings at the subscriber", 2*time.Minute, func() bool { _, some := consumer.lacks(told); return !some })
			await(t, "the edge to know it", time.Minute, func() bool { st, ok := e.status(); return ok && st.waiting() == 0 })
			consumer.mu.Lock()
			defer consumer.mu.Unlock()
			repeats := -told
			for n, times := range consumer.seen {
				repeats += times
				if n < 1 || n > told {
					t.Errorf("%d was never told", n)
				}
			}
			if consumer.events == 0 {
				t.Error("the event was not published")
			}
			t.Logf("%d readings, %d repeats, %d events", told, repeats, consumer.events)
			code, out, _ := command(t, "fieldpost-edge", "status", "-config", e.config)
			if code != 0 {
				t.Errorf("status ended with %d", code)
			}
			says(t, out, `at least once, by the broker's word`)
		})
	}
}
