package wire

import (
	"encoding/json"
	"fmt"
	"strconv"

	"fieldpost/telemetry"
)

// LinkState is the retained JSON payload of a State topic: whether a node is there over one of its links. The offline one is the
// connection's will, so it can land after a newer connection's online: it counts only if its Nonce is the latest of its link (delivery rule 5).
type LinkState struct {
	Online  bool
	Version string          // of the node's software
	Epoch   telemetry.Epoch // open when the connection was made; zero: none
	Nonce   uint64          // of the connection, as in its Hello
	Link    string
}

type linkState struct {
	Status  string `json:"status"`
	Version string `json:"version,omitempty"`
	Epoch   string `json:"epoch,omitempty"`
	Nonce   string `json:"nonce"` // hexadecimal: JSON numbers end at 2^53
	Link    string `json:"link"`
}

const (
	online  = "online"
	offline = "offline"
)

// Marshal returns {"status":"online","version":"0.1.0","epoch":"16 hex digits","nonce":"16 hex digits","link":"lte"}.
func (s LinkState) Marshal() []byte {
	j := linkState{Status: offline, Version: s.Version, Nonce: fmt.Sprintf("%016x", s.Nonce), Link: s.Link}
	if s.Online {
		j.Status = online
	}
	if s.Epoch != 0 {
		j.Epoch = s.Epoch.String()
	}
	b, err := json.Marshal(j)
	if err != nil {
		panic(err) // strings always marshal
	}
	return b
}

// ParseLinkState is the inverse of LinkState.Marshal. Keys it does not know are skipped.
func ParseLinkState(b []byte) (LinkState, error) {
	var j linkState
	if err := json.Unmarshal(b, &j); err != nil {
		return LinkState{}, fmt.Errorf("read link state: %w", err)
	}
	if j.Status != online && j.Status != offline {
		return LinkState{}, fmt.Errorf("read link state: status %.20q is neither online nor offline", j.Status)
	}
	s := LinkState{Online: j.Status == online, Version: j.Version, Link: j.Link}
	var err error
	if j.Nonce != "" {
		if s.Nonce, err = strconv.ParseUint(j.Nonce, 16, 64); err != nil {
			return LinkState{}, fmt.Errorf("read link state: nonce %.20q: want 16 hexadecimal digits", j.Nonce)
		}
	}
	if j.Epoch != "" {
		if s.Epoch, err = telemetry.ParseEpoch(j.Epoch); err != nil {
			return LinkState{}, fmt.Errorf("read link state: %w", err)
		}
	}
	return s, nil
}
