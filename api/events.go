package api

import (
	"context"
	"iter"
	"net/http"

	"fieldpost/telemetry"
)

const eventHeader = "time,node,device,pattern,state,severity,message"

// events serves GET /v1/events: node, device, from, to, state (raised, cleared or standing), order, limit, format, cursor as in readings.
func (s *server) events(sel EventSelector) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		p := readParams(r, "node", "device", "from", "to", "state", "limit", "order", "format", "cursor")
		q := EventQuery{Node: p.node(), Device: p.name("device"), Descending: p.descending()}
		q.From, q.To = p.span()
		find := sel.Events
		p.read("state", func(v string) error {
			if v == standing {
				find = func(ctx context.Context, q EventQuery) iter.Seq2[Event, error] { return standingEvents(ctx, sel, q) }
				return nil
			}
			state, err := telemetry.ParseState(v)
			q.State = &state
			return err
		})
		limit, format := p.limit(), p.format(formatJSON, formatNDJSON, formatCSV)
		p.readCursor(&q.After)
		if p.err != nil {
			return p.err
		}
		return answer(s, w, r, list[Event]{
			format: format, limit: limit, header: eventHeader, json: appendEvent, csv: appendEventRow,
			link: cursorAfter(func(e *Event) string { return e.Cursor().encode() }),
		}, find(r.Context(), q))
	}
}
