package api

import (
	"net/http"

	"fieldpost/telemetry"
)

const (
	readingHeader = "time,node,device,metric,value,unit,quality"
	bucketHeader  = "time,node,device,metric,min,max,mean,count,unit"
)

// readings serves GET /v1/readings. Its parameters, all optional:
//
//	node, device, metric   exactly these
//	from, to               from <= time < to; RFC 3339 or Unix seconds
//	step                   min, max, mean and count per series and span of this length instead of readings; see bucket
//	order                  asc (default) or desc
//	limit, format          see the package comment
//	cursor                 out of a Link header
func (s *server) readings(w http.ResponseWriter, r *http.Request) error {
	p := readParams(r, "node", "device", "metric", "from", "to", "step", "limit", "order", "format", "cursor")
	q := Query{Filter: p.filter(), Descending: p.descending()}
	q.From, q.To = p.span()
	step, stepped := p.duration("step")
	limit, format := p.limit(), p.format(formatJSON, formatNDJSON, formatCSV)
	if stepped {
		return s.steps(w, r, p, q, telemetry.Time(step), limit, format)
	}
	p.readCursor(&q.After)
	if p.err != nil {
		return p.err
	}
	return answer(s, w, r, list[Reading]{
		format: format, limit: limit, header: readingHeader, json: appendReading, csv: appendReadingRow,
		link: cursorAfter(func(r *Reading) string { return r.Cursor().encode() }),
	}, s.sel.Readings(r.Context(), q))
}

func (p *params) readCursor(to **Cursor) {
	p.read("cursor", func(v string) error {
		c, err := decodeCursor(v)
		*to = &c
		return err
	})
}

func (s *server) steps(w http.ResponseWriter, r *http.Request, p *params, q Query, step telemetry.Time, limit int, format format) error {
	var after *place
	p.read("cursor", func(v string) error {
		c, err := decodePlace(v)
		after = &c
		return err
	})
	if p.err != nil {
		return p.err
	}
	if after != nil { // begin with the whole bucket that the cursor lies in
		if q.Descending {
			q.To = min(q.To, bucketEnd(after.start, step))
		} else {
			q.From = max(q.From, after.start)
		}
	}
	rows := aggregate(portions(r.Context(), s.sel, q, step), step, q.Descending)
	return answer(s, w, r, list[bucket]{
		format: format, limit: limit, header: bucketHeader, json: appendBucket, csv: appendBucketRow,
		link: cursorAfter(func(b *bucket) string { return b.encode() }),
	}, skipTo(rows, after, q.Descending))
}
