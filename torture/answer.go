package torture

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"fieldpost/internal/child"
)

// record is a reading or an event, as far as it is counted.
type record struct {
	Device string `json:"device"`
	Value  int    `json:"value"` // of an event, the reading that caused it
	State  string `json:"state"` // of an event only
	Lane   string `json:"lane"`
	Epoch  string `json:"epoch"`
	Seq    uint64 `json:"seq"`
}

// identity is a record's name for ever.
type identity struct {
	lane, epoch string
	seq         uint64
}

func (r record) identity() identity { return identity{r.Lane, r.Epoch, r.Seq} }

// records asks whoever listens on address for all it has, readings by time.
func records(address string) ([]record, error) {
	var out []record
	err := lines(address, "/v1/readings", url.Values{"metric": {"n"}}, func(b []byte) error {
		var r record
		err := json.Unmarshal(b, &r)
		out = append(out, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = lines(address, "/v1/events", url.Values{}, func(b []byte) error {
		var e struct {
			record
			Pattern, Message string
		}
		if err := json.Unmarshal(b, &e); err != nil {
			return err
		}
		// Others are the node's own, and those of who looks into a copy: he knows no patterns, so he clears them.
		if e.Pattern == patternName && !strings.HasPrefix(e.Message, "cleared because") {
			var err error
			if e.Value, err = strconv.Atoi(e.Message); err != nil {
				return fmt.Errorf("an event that names no reading: %w", err)
			}
		}
		out = append(out, e.record)
		return nil
	})
	return out, err
}

func lines(address, path string, query url.Values, each func([]byte) error) error {
	query.Set("node", nodeName)
	query.Set("format", "ndjson")
	return get(address, path+"?"+query.Encode(), func(body io.Reader) error {
		s := bufio.NewScanner(body)
		for s.Scan() {
			if err := each(s.Bytes()); err != nil {
				return fmt.Errorf("%s: %w in %.200s", path, err, s.Bytes())
			}
		}
		return s.Err()
	})
}

// lane is one lane of /v1/nodes.
type lane struct {
	Lane    string      `json:"lane"`
	Epoch   string      `json:"epoch"`
	Missing [][2]uint64 `json:"missing"`
	Lost    []lost      `json:"lost"`
}

type lost struct {
	From   uint64 `json:"from"`
	To     uint64 `json:"to"`
	Reason string `json:"reason"`
}

// account asks the gateway what it has of the node.
func account(address string) ([]lane, error) {
	var nodes []struct {
		Node  string `json:"node"`
		Lanes []lane `json:"lanes"`
	}
	err := get(address, "/v1/nodes", func(body io.Reader) error { return json.NewDecoder(body).Decode(&nodes) })
	for _, n := range nodes {
		if n.Node == nodeName {
			return n.Lanes, err
		}
	}
	return nil, err
}

func get(address, path string, read func(io.Reader) error) error {
	client := http.Client{Timeout: time.Minute}
	resp, err := client.Get("http://" + address + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("GET %s: %s: %s", path, resp.Status, b)
	}
	return read(resp.Body)
}

// nothingWaits reports whether an edge, asked at its control socket, has links to send on and nothing to send.
func nothingWaits(ctx context.Context, socket string) (bool, error) {
	var status struct {
		Journal struct {
			Lanes []struct {
				Lane    string `json:"lane"`
				Memory  int    `json:"memory"`
				Waiting uint64 `json:"waiting"`
			} `json:"lanes"`
		} `json:"journal"`
		Links []struct {
			State string `json:"state"`
		} `json:"links"`
	}
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://edge/status", nil)
	if err != nil {
		return false, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&status); err != nil {
		return false, fmt.Errorf("an edge's status: %w", err)
	}
	for _, l := range status.Links {
		if l.State != "up" {
			return false, nil
		}
	}
	for _, l := range status.Journal.Lanes {
		if l.Lane != "archive" && l.Memory+int(l.Waiting) > 0 {
			return false, nil
		}
	}
	return true, nil
}

// answers waits until the process answers.
func answers(ctx context.Context, address string, p *child.Process) error {
	return await(ctx, "an answer", time.Minute, func() (bool, error) {
		if !p.Running() {
			return false, errors.New("it ended by itself")
		}
		resp, err := http.Get("http://" + address + "/healthz")
		if err != nil {
			return false, nil
		}
		return true, resp.Body.Close()
	})
}

// await looks again and again until ok holds.
func await(ctx context.Context, what string, limit time.Duration, ok func() (bool, error)) error {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if done, err := ok(); err != nil || done {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return fmt.Errorf("waited %v in vain for %s", limit, what)
		case <-tick.C:
		}
	}
}

// pass lets time go by.
func pass(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
