package api

import (
	"net/http"
	"strconv"

	"fieldpost/telemetry"
	"fieldpost/telemetry/ranges"
)

// nodes serves GET /v1/nodes.
func (s *server) nodes(w http.ResponseWriter, r *http.Request) error {
	if p := readParams(r); p.err != nil {
		return p.err
	}
	nodes, err := s.sel.Nodes(r.Context())
	if err != nil {
		return err
	}
	return writeArray(w, nodes, appendNode)
}

// series serves GET /v1/series, of a node, a device and a metric where those are given.
func (s *server) series(w http.ResponseWriter, r *http.Request) error {
	p := readParams(r, "node", "device", "metric")
	filter := p.filter()
	if p.err != nil {
		return p.err
	}
	series, err := s.sel.Series(r.Context(), filter)
	if err != nil {
		return err
	}
	return writeArray(w, series, appendSeries)
}

func writeArray[T any](w http.ResponseWriter, items []T, encode func([]byte, *T) []byte) error {
	var body pageBuffer
	body.add([]byte("["))
	var line []byte
	for i := range items {
		line = line[:0]
		if i > 0 {
			line = append(line, ",\n"...)
		}
		line = encode(line, &items[i])
		body.add(line)
	}
	body.add([]byte("]\n"))
	return body.send(w, formatJSON)
}

func appendNode(b []byte, n *Node) []byte {
	b = telemetry.AppendString(append(b, `{"node":`...), n.Node)
	b = strconv.AppendBool(append(b, `,"online":`...), n.Online)
	b = appendTimeOrNull(append(b, `,"last_seen":`...), n.LastSeen)
	b = appendLabels(append(b, `,"labels":`...), n.Labels)
	b = append(b, `,"lanes":[`...)
	for i := range n.Lanes {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendLane(b, &n.Lanes[i])
	}
	return append(b, "]}"...)
}

func appendLane(b []byte, l *Lane) []byte {
	b = appendWord(append(b, `{"lane":`...), l.Lane.String())
	b = appendEpoch(append(b, `,"epoch":`...), l.Epoch)
	b = strconv.AppendUint(append(b, `,"stored":`...), l.Stored, 10)
	b = strconv.AppendUint(append(b, `,"highest":`...), l.Highest, 10)
	b = appendRanges(append(b, `,"missing":`...), l.Missing)
	b = appendRanges(append(b, `,"held":`...), l.Held)
	b = append(b, `,"lost":[`...)
	for i, loss := range l.Lost {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(append(b, `{"from":`...), loss.From, 10)
		b = strconv.AppendUint(append(b, `,"to":`...), loss.To, 10)
		b = telemetry.AppendString(append(b, `,"reason":`...), loss.Reason)
		b = append(appendTimeOrNull(append(b, `,"time":`...), loss.Time), '}')
	}
	return append(b, "]}"...)
}

func appendRanges(b []byte, s ranges.Set) []byte {
	b = append(b, '[')
	for i, r := range s.Ranges() {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(append(b, '['), r.From, 10)
		b = strconv.AppendUint(append(b, ','), r.To, 10)
		b = append(b, ']')
	}
	return append(b, ']')
}

func appendSeries(b []byte, s *Series) []byte {
	b = appendSeriesName(append(b, '{'), s.Series)
	b = telemetry.AppendString(append(b, `,"unit":`...), s.Unit)
	b = appendWord(append(b, `,"type":`...), s.Kind.String())
	switch r := s.Round; {
	case r.Resolution != 0:
		b = strconv.AppendFloat(append(b, `,"resolution":`...), r.Resolution, 'g', 12, 64)
	case r.Relative:
		b = append(strconv.AppendFloat(append(b, `,"max_error":"`...), r.MaxError*100, 'g', 12, 64), `%"`...)
	case r.MaxError != 0:
		b = strconv.AppendFloat(append(b, `,"max_error":`...), r.MaxError, 'g', 12, 64)
	}
	b = appendLabels(append(b, `,"labels":`...), s.Labels)
	b = appendPoint(append(b, `,"first":`...), s.First)
	b = appendPoint(append(b, `,"last":`...), s.Last)
	return append(b, '}')
}

func appendPoint(b []byte, p *Point) []byte {
	if p == nil {
		return append(b, "null"...)
	}
	b = appendTime(append(b, `{"time":`...), p.Time)
	b = p.Value.AppendJSON(append(b, `,"value":`...))
	b = appendWord(append(b, `,"quality":`...), p.Quality.String())
	return append(b, '}')
}
