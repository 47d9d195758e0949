package frame

import "fieldpost/telemetry/frame/internal/columns"

// AppendInts appends v, which is not empty, to dst as ints(len(v)) of the package comment, the way that takes the fewest bytes. How many there are is not written.
// It is safe to call from several goroutines.
func AppendInts(dst []byte, v []uint64) []byte {
	e := encoders.Get().(*encoder)
	defer e.release()
	return e.AppendInts(dst, v)
}

// ReadInts fills out with what AppendInts wrote at the beginning of b, and returns how many bytes that took. The error is ErrCorrupt.
// It is safe to call from several goroutines.
func ReadInts(b []byte, out []uint64) (n int, err error) {
	if len(out) == 0 {
		return 0, columns.Corrupt("no numbers")
	}
	d := columns.Decoder{Reader: columns.Reader{B: b}}
	d.Ints(out)
	return d.Off, d.Err
}
