package history

import (
	"cmp"
	"slices"

	"fieldpost/api"
	"fieldpost/telemetry"
	"fieldpost/telemetry/frame"
)

// opened is a frame, or a chunk of blocks, with its wanted records decoded, in the asked order. They are handed out from the front.
type opened struct {
	header  frame.Header
	table   *Table
	records []frame.Selected // times put right
	unset   bool
	origins []origin     // by place, at least one
	last    int          // the index of the one that was asked for last: the next record is often from there too
	of      *api.Portion // in place of all the others: what the chunk comes to; records has one with the time
}

// origin is an entry of the journal from which records are.
type origin struct {
	from     uint32 // place of the first of them
	pos      uint64
	storedAt telemetry.Time
}

// origin returns where the record at place is from.
func (o *opened) origin(place uint32) origin {
	if at := o.origins[o.last:]; at[0].from <= place && (len(at) == 1 || place < at[1].from) {
		return at[0]
	}
	i, exact := slices.BinarySearchFunc(o.origins, place, func(at origin, place uint32) int { return cmp.Compare(at.from, place) })
	if !exact && i > 0 {
		i--
	}
	o.last = i
	return o.origins[i]
}

// portion is the next record's reading, or what the chunk comes to.
func (o *opened) portion() api.Portion {
	if o.of != nil {
		return *o.of
	}
	return api.Portion{Reading: o.reading()}
}

// head is the place of the next record in the order of readings.
func (o *opened) head() api.Cursor {
	r := &o.records[0]
	return api.Cursor{Time: r.Time, Epoch: o.header.Epoch, Lane: o.header.Lane, Seq: o.header.First + uint64(r.Place), Node: o.header.Node}
}

// reading builds the next record's reading.
func (o *opened) reading() api.Reading {
	r := &o.records[0]
	s := &o.table.Series[r.Series]
	return api.Reading{
		Reading: telemetry.Reading{
			Series:  telemetry.Series{Node: o.header.Node, Device: s.Device, Metric: s.Name},
			Time:    r.Time,
			Value:   r.Value,
			Quality: r.Quality,
		},
		Unit:       s.Unit,
		Epoch:      o.header.Epoch,
		Lane:       o.header.Lane,
		Seq:        o.header.First + uint64(r.Place),
		ClockUnset: o.unset && !r.Stamped,
		StoredAt:   o.origin(r.Place).storedAt,
	}
}

// arrange puts times right, leaves out what is outside [from, to) or not after the cursor, and sorts. It reports whether anything is left.
func (o *opened) arrange(q *api.Query, delta int64) bool {
	keep := o.records[:0]
	for i := range o.records {
		r := o.records[i]
		if !r.Stamped {
			r.Time = shift(r.Time, delta)
		}
		if r.Time >= q.From && r.Time < q.To {
			keep = append(keep, r)
		}
	}
	d := direction(q.Descending)
	slices.SortFunc(keep, func(a, b frame.Selected) int {
		n := cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Place, b.Place))
		if d == descending {
			return -n
		}
		return n
	})
	o.records = keep
	if q.After != nil {
		skip, _ := slices.BinarySearchFunc(keep, *q.After, func(r frame.Selected, after api.Cursor) int {
			c := api.Cursor{Time: r.Time, Epoch: o.header.Epoch, Lane: o.header.Lane, Seq: o.header.First + uint64(r.Place), Node: o.header.Node}
			if d.compare(c, after) > 0 {
				return 1
			}
			return -1
		})
		o.records = keep[skip:]
	}
	return len(o.records) > 0
}

// drop takes the next record away.
func (o *opened) drop() (left bool) {
	o.records = o.records[1:]
	return len(o.records) > 0
}
