package mqtt_test

import (
	"context"
	"net"
	"testing"
	"time"

	"fieldpost/forwarder"
	"fieldpost/forwarder/link/mqtt"
)

// A broker that ends each connection right behind its CONNACK: paho's Publish can then wait for its writer, which is gone, until its own timeout of a
// minute. Dial does not wait with it, for a node that is told to stop waits for Dial.
func TestDialDoesNotOutliveTheConnection(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := conn.Read(make([]byte, 1024)); err == nil {
					_, _ = conn.Write([]byte{0x20, 2, 0, 0})
				}
			}()
		}
	}()
	d, err := mqtt.New(mqtt.Settings{URL: "tcp://" + ln.Addr().String()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 500 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		done := make(chan struct{})
		go func() {
			defer close(done)
			if c, err := d.Dial(ctx, forwarder.Info{Node: "pi-7", Link: "lte"}); err == nil {
				c.Close()
			}
		}()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Fatalf("dial %d stands still, ten seconds after its context ended", i)
		}
		cancel()
	}
}
