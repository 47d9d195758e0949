package frame

import "fieldpost/telemetry"

// SKELETON: signatures are fixed, bodies to be written.

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
}

// Series is what an index of a Table stands for.
type Series struct {
	Device string
	Metric
	Labels map[string]string // node's and device's, the device's winning
}

// Encode returns the canonical bytes: equal tables give equal bytes.
func (t *Table) Encode() ([]byte, error) { panic("skeleton") }

// DecodeTable checks and reads what Encode wrote.
func DecodeTable(b []byte) (*Table, error) { panic("skeleton") }

// Hash names an encoded table: the first 8 bytes (big endian) of its SHA-256, never 0.
func Hash(encoded []byte) uint64 { panic("skeleton") }

// Series lists the series by index.
func (t *Table) Series() []Series { panic("skeleton") }
