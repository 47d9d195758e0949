package measure

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"fieldpost/faultproxy"
	"fieldpost/internal/child"
)

// bridge is what Mosquitto offers for the same work: a broker beside the sensors whose bridge carries all it gets to a broker at the centre.
type bridge struct {
	site
	near, far     string // host:port
	proxy         *faultproxy.Proxy
	nearby, there *child.Process
	publisher     paho.Client
	subscriber    paho.Client
	came          atomic.Int64 // messages at the far broker
}

// open starts both brokers, with the bridge through a proxy, encrypted or not, and the clients. extra is more of the near broker's configuration.
func (b *bridge) open(ctx context.Context, port int, encrypted bool, extra string) (err error) {
	if err := b.site.open("", ""); err != nil {
		return err
	}
	mosquitto, err := exec.LookPath("mosquitto")
	if err != nil {
		mosquitto = "/usr/sbin/mosquitto" // not in everybody's PATH
	}
	b.near, b.far = fmt.Sprintf("127.0.0.1:%d", port), fmt.Sprintf("127.0.0.1:%d", port+1)
	if b.proxy, err = faultproxy.Listen(b.far); err != nil {
		return err
	}
	secure, trust := "", ""
	if encrypted {
		if err := b.certify(); err != nil {
			return err
		}
		secure = fmt.Sprintf("certfile %[1]s/pki/gateway.pem\nkeyfile %[1]s/pki/gateway.key\n", b.dir)
		trust = fmt.Sprintf("bridge_cafile %s/pki/ca.pem\n", b.dir)
	}
	// The far broker is listened to without TLS as well, by whoever counts.
	if err := b.files(map[string]string{
		"far.conf": fmt.Sprintf("user root\nlog_type none\nmax_queued_messages 0\nlistener %d 127.0.0.1\nallow_anonymous true\n%slistener %d 127.0.0.1\nallow_anonymous true\n",
			port+1, secure, port+2),
		"near.conf": fmt.Sprintf("user root\nlog_type none\nmax_queued_messages 0\nmax_inflight_messages 0\nlistener %d 127.0.0.1\nallow_anonymous true\n%sconnection up\naddress %s\n%s"+
			"bridge_protocol_version mqttv311\ncleansession false\nnotifications false\ntry_private false\ntopic site/# out 1\n", port, extra, b.proxy.Addr(), trust),
	}); err != nil {
		return err
	}
	if b.there, err = child.Start(&b.log, mosquitto, "-c", filepath.Join(b.dir, "far.conf")); err != nil {
		return fmt.Errorf("%w; install Mosquitto (make setup)", err)
	}
	far := fmt.Sprintf("127.0.0.1:%d", port+2)
	if err := b.listening(ctx, far); err != nil {
		return err
	}
	if b.nearby, err = child.Start(&b.log, mosquitto, "-c", filepath.Join(b.dir, "near.conf")); err != nil {
		return err
	}
	if err := b.listening(ctx, b.near); err != nil {
		return err
	}
	if b.subscriber, err = dial(far, "counts"); err != nil {
		return err
	}
	token := b.subscriber.Subscribe("site/#", 0, func(paho.Client, paho.Message) { b.came.Add(1) })
	if token.Wait(); token.Error() != nil {
		return token.Error()
	}
	b.publisher, err = dial(b.near, "publishes")
	return err
}

func (b *bridge) listening(ctx context.Context, address string) error {
	return await(ctx, "Mosquitto", time.Minute, func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

func dial(address, id string) (paho.Client, error) {
	c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + address).SetClientID(id).SetAutoReconnect(false))
	token := c.Connect()
	token.Wait()
	return c, token.Error()
}

func (b *bridge) close() {
	for _, c := range []paho.Client{b.publisher, b.subscriber} {
		if c != nil {
			c.Disconnect(0)
		}
	}
	b.nearby.Kill()
	b.there.Kill()
	if b.proxy != nil {
		b.proxy.Close()
	}
	b.site.close()
}

// publish publishes a reading as JSON, at QoS 1, and returns when the near broker can be given the next.
func (b *bridge) publish(metric int, value float64) paho.Token {
	return b.publisher.Publish(fmt.Sprintf("site/pi-1/d0/m%d", metric), 1, false, fmt.Appendf(nil, `{"ts":%d,"value":%.2f}`, time.Now().UnixMilli(), value))
}

// linkOfMosquitto is Link's peer.
func linkOfMosquitto(ctx context.Context, o LinkOptions, r *LinkReport) (err error) {
	r.Who = "Mosquitto's bridge, JSON"
	var b bridge
	defer b.close()
	if err := b.open(ctx, 18990, true, ""); err != nil {
		return fmt.Errorf("measure Mosquitto's bridge: %w; it wrote:\n%s", err, &b.log)
	}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	said := 0
	for n := range o.Seconds + 1 {
		for m := range linkMetrics {
			b.publish(m, float64((n*7+m*13)%10000)/100)
			said++
		}
		if n == 0 { // what comes first pays for the connection
			if err := await(ctx, "the first readings over the bridge", time.Minute, func() bool { return b.came.Load() == int64(said) }); err != nil {
				return err
			}
			r.Connect, said = float64(b.proxy.Bytes(faultproxy.Up)+b.proxy.Bytes(faultproxy.Down)), 0
			r.Up, r.Down = -float64(b.proxy.Bytes(faultproxy.Up)), -float64(b.proxy.Bytes(faultproxy.Down))
			b.came.Store(0)
		}
		select {
		case <-second.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := await(ctx, "all readings over the bridge", time.Minute, func() bool { return b.came.Load() == int64(said) }); err != nil {
		return err
	}
	r.Readings = said
	r.Up = (r.Up + float64(b.proxy.Bytes(faultproxy.Up))) / float64(said)
	r.Down = (r.Down + float64(b.proxy.Bytes(faultproxy.Down))) / float64(said)
	return nil
}
