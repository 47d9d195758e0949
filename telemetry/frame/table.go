package frame

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"fieldpost/telemetry"
	"fieldpost/telemetry/frame/internal/columns"
)

// Table names the series of a node's frames. It is content-addressed: frames name it by Hash.
// A series' index is its metric's position, counted through all devices in order.
type Table struct {
	Labels  map[string]string // of the node
	Devices []Device
}

// Device is one device of a Table.
type Device struct {
	Name    string
	Labels  map[string]string
	Metrics []Metric
}

// Metric is one series of a Device.
type Metric struct {
	Name    string
	Unit    string
	Kind    telemetry.Kind
	Derived bool // computed by a reducer: left out of raw queries

	Rounding Rounding // that dense frames may do
}

// Series is what an index of a Table stands for.
type Series struct {
	Device string
	Metric
	Labels map[string]string // node's and device's, the device's winning
}

const (
	tableVersion = 1
	metricKind   = 0x0f // of a metric's first byte
	metricComp   = 0x10 // it is derived
	metricRound  = 0x20 // it may be rounded: how follows its unit
	leastLabel   = 3    // bytes of the shortest label, device and metric
	leastDevice  = 4
	leastMetric  = 4
)

// Encode returns the canonical bytes: equal tables give equal bytes. The error is ErrTooLarge past MaxSeries or MaxTable.
func (t *Table) Encode() ([]byte, error) {
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("encode series table: %w", err)
	}
	b := appendLabels([]byte{tableVersion}, t.Labels)
	b = binary.AppendUvarint(b, uint64(len(t.Devices)))
	for _, d := range t.Devices {
		b = columns.AppendText(b, d.Name)
		b = appendLabels(b, d.Labels)
		b = binary.AppendUvarint(b, uint64(len(d.Metrics)))
		for _, m := range d.Metrics {
			head := byte(m.Kind)
			if m.Derived {
				head |= metricComp
			}
			if m.Rounding != (Rounding{}) {
				head |= metricRound
			}
			b = columns.AppendText(append(b, head), m.Name)
			if b = columns.AppendText(b, m.Unit); head&metricRound != 0 {
				b = m.Rounding.append(b)
			}
		}
	}
	if len(b) > MaxTable {
		return nil, fmt.Errorf("encode series table: %w: %d bytes, at most %d", ErrTooLarge, len(b), MaxTable)
	}
	return b, nil
}

// check reports what of t cannot be written: every name must be one, and name one thing.
func (t *Table) check() error {
	if err := checkLabels(t.Labels); err != nil {
		return err
	}
	series := 0
	devices := make(map[string]bool, len(t.Devices))
	for _, d := range t.Devices {
		if err := telemetry.CheckName(d.Name); err != nil {
			return fmt.Errorf("device: %w", err)
		}
		if devices[d.Name] {
			return fmt.Errorf("device %s is there twice", d.Name)
		}
		devices[d.Name] = true
		if err := checkLabels(d.Labels); err != nil {
			return fmt.Errorf("device %s: %w", d.Name, err)
		}
		metrics := make(map[string]bool, len(d.Metrics))
		for _, m := range d.Metrics {
			if err := telemetry.CheckName(m.Name); err != nil {
				return fmt.Errorf("device %s: metric: %w", d.Name, err)
			}
			if metrics[m.Name] {
				return fmt.Errorf("device %s: metric %s is there twice", d.Name, m.Name)
			}
			metrics[m.Name] = true
			if !m.Kind.Valid() {
				return fmt.Errorf("device %s: metric %s: unknown %s", d.Name, m.Name, m.Kind)
			}
			if err := m.Rounding.check(); err != nil {
				return fmt.Errorf("device %s: metric %s: %w", d.Name, m.Name, err)
			}
		}
		series += len(d.Metrics)
	}
	if series > MaxSeries {
		return fmt.Errorf("%w: %d series, at most %d", ErrTooLarge, series, MaxSeries)
	}
	return nil
}

func checkLabels(labels map[string]string) error {
	if _, ok := labels[""]; ok {
		return fmt.Errorf("label without a name")
	}
	return nil
}

func appendLabels(b []byte, labels map[string]string) []byte {
	b = binary.AppendUvarint(b, uint64(len(labels)))
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		b = columns.AppendText(columns.AppendText(b, k), labels[k])
	}
	return b
}

// DecodeTable checks and reads what Encode wrote. All errors are ErrCorrupt or ErrVersion.
func DecodeTable(b []byte) (*Table, error) {
	switch {
	case len(b) == 0:
		return nil, fmt.Errorf("series table: %w", columns.Corrupt("empty"))
	case len(b) > MaxTable:
		return nil, fmt.Errorf("series table: %w", columns.Corrupt("%d bytes, at most %d", len(b), MaxTable))
	case b[0] != tableVersion:
		return nil, fmt.Errorf("series table: %w: version %d", ErrVersion, b[0])
	}
	r := reader{columns.Reader{B: b, Off: 1}}
	t := r.table()
	if r.Err == nil && r.Left() > 0 {
		r.Fail("%d bytes after its end", r.Left())
	}
	if r.Err != nil {
		return nil, fmt.Errorf("series table: %w", r.Err)
	}
	// A table is known by its hash, so it must have no second form.
	switch canonical, err := t.Encode(); {
	case err != nil:
		return nil, fmt.Errorf("series table: %w", columns.Corrupt("%v", err))
	case !bytes.Equal(canonical, b):
		return nil, fmt.Errorf("series table: %w", columns.Corrupt("not in its canonical form"))
	}
	return t, nil
}

func (r *reader) table() *Table {
	t := &Table{Labels: r.labels()}
	devices := r.UpTo(r.Left()/leastDevice, "number of devices")
	series := 0
	for range devices {
		d := Device{Name: r.Text(telemetry.MaxName), Labels: r.labels()}
		metrics := r.UpTo(r.Left()/leastMetric, "number of metrics")
		if series += metrics; series > MaxSeries {
			r.Fail("over %d series", MaxSeries)
		}
		if r.Err != nil {
			return nil
		}
		if metrics > 0 {
			d.Metrics = make([]Metric, metrics)
		}
		for i := range d.Metrics {
			head := r.Byte()
			if head&^(metricKind|metricComp|metricRound) != 0 {
				r.Fail("unknown metric %#x", head)
			}
			d.Metrics[i] = Metric{
				Name: r.Text(telemetry.MaxName), Unit: r.Text(MaxTable),
				Kind: telemetry.Kind(head & metricKind), Derived: head&metricComp != 0,
			}
			if head&metricRound != 0 {
				d.Metrics[i].Rounding = r.rounding()
			}
		}
		t.Devices = append(t.Devices, d)
	}
	return t
}

func (r *reader) labels() map[string]string {
	n := r.UpTo(r.Left()/leastLabel, "number of labels")
	if n == 0 {
		return nil
	}
	labels := make(map[string]string)
	for range n {
		k := r.Text(MaxTable)
		labels[k] = r.Text(MaxTable)
		if r.Err != nil {
			return nil
		}
	}
	return labels
}

// Hash names an encoded table: the first 8 bytes (big endian) of its SHA-256, never 0.
func Hash(encoded []byte) uint64 {
	sum := sha256.Sum256(encoded)
	return max(binary.BigEndian.Uint64(sum[:]), 1)
}

// Series lists the series by index. The Labels of a device's series are one map: do not write to it.
func (t *Table) Series() []Series {
	var out []Series
	for _, d := range t.Devices {
		labels := make(map[string]string, len(t.Labels)+len(d.Labels))
		maps.Copy(labels, t.Labels)
		maps.Copy(labels, d.Labels)
		for _, m := range d.Metrics {
			out = append(out, Series{Device: d.Name, Metric: m, Labels: labels})
		}
	}
	return out
}
