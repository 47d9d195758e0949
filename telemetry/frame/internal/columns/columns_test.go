package columns_test

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"

	"fieldpost/telemetry/frame/internal/columns"
)

// numbers reads one number of 1 to 8 bytes after the other from b.
func numbers(b []byte) []uint64 {
	var v []uint64
	for len(b) > 0 {
		var word [8]byte
		n := copy(word[:], b[1:min(len(b), 2+int(b[0]&7))])
		v = append(v, binary.LittleEndian.Uint64(word[:]))
		b = b[1+n:]
	}
	return v
}

func seeds(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x00a\x00b\x00b\x00b\x00d"))
	for _, x := range []float64{21.5, 0.1, -0.9250488, 19.9266666666667, math.Pi, math.NaN(), math.Inf(1), math.Copysign(0, -1), 1 << 53} {
		var b []byte
		for range 3 {
			b = binary.LittleEndian.AppendUint64(append(b, 7), math.Float64bits(x))
		}
		f.Add(b)
	}
}

// FuzzColumns writes any numbers as integers and as floats, one after the other, and reads them back.
func FuzzColumns(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		v := numbers(in)
		if len(v) == 0 {
			return
		}
		var e columns.Encoder
		b := e.AppendInts(nil, v)
		b = e.AppendFloats(b, v)
		b = columns.AppendScaled(b, v[0])
		b = columns.AppendText(b, string(in))
		d := columns.Decoder{Reader: columns.Reader{B: b}}
		ints, floats := make([]uint64, len(v)), make([]uint64, len(v))
		d.Ints(ints)
		d.Floats(d.Byte(), floats)
		if scaled := d.Scaled(); scaled != v[0] {
			t.Errorf("scaled %d, want %d", scaled, v[0])
		}
		if text := d.Text(len(in)); text != string(in) {
			t.Errorf("text %q, want %q", text, in)
		}
		if d.Err != nil || d.Left() != 0 {
			t.Fatalf("%d bytes left: %v", d.Left(), d.Err)
		}
		if !slices.Equal(ints, v) {
			t.Fatalf("integers %x, want %x", ints, v)
		}
		if !slices.Equal(floats, v) {
			t.Fatalf("floats %x, want %x", floats, v)
		}
	})
}

// FuzzRead reads any bytes as columns of any length.
func FuzzRead(f *testing.F) {
	f.Add([]byte("\x02\x14\x04\x10\x32\x04"), uint16(5))
	f.Add([]byte("\x07\x02\x01\x02\x02\x01\x10\x14"), uint16(5))
	f.Add([]byte("\x02\x00\x81\x1d\x01\x07\x02\x41"), uint16(5))
	f.Fuzz(func(t *testing.T, b []byte, n uint16) {
		v := make([]uint64, int(n)%1000+1)
		for _, read := range []func(*columns.Decoder){
			func(d *columns.Decoder) { d.Ints(v) },
			func(d *columns.Decoder) { d.Floats(d.Byte(), v) },
		} {
			d := columns.Decoder{Reader: columns.Reader{B: b}}
			read(&d)
			if d.Err != nil && !errors.Is(d.Err, columns.ErrCorrupt) {
				t.Fatal(d.Err)
			}
			if d.Off > len(b) {
				t.Fatalf("read %d of %d bytes", d.Off, len(b))
			}
		}
	})
}
