package columns

// Ints fills out, which is not empty, with a column that AppendInts wrote.
func (d *Decoder) Ints(out []uint64) { d.ints(out, 0) }

func (d *Decoder) ints(out []uint64, o intsOptions) {
	head := d.Byte()
	step := uint64(1)
	if head&intsStep != 0 {
		step = d.Uvarint()
	}
	switch way := head &^ intsStep; {
	case way == intsConstant:
		fill(out, d.Varint())
	case way == intsLinear:
		v, inc := d.Varint(), d.Varint()
		for i := range out {
			out[i] = v
			v += inc
		}
	case way == intsOffset:
		base := d.Varint()
		d.packed(out)
		if step == 1 {
			for i := range out {
				out[i] += base
			}
			break
		}
		for i := range out {
			out[i] = base + out[i]*step
		}
	case way == intsDelta:
		v := d.Varint()
		out[0] = v
		out = out[1:]
		d.packed(out)
		for i, u := range out {
			v += Unzigzag(u) * step
			out[i] = v
		}
	case way == intsDeltaBase:
		v, base := d.Varint(), d.Varint()
		out[0] = v
		out = out[1:]
		d.packed(out)
		for i, u := range out {
			v += base + u*step
			out[i] = v
		}
	case way == intsDelta2 && len(out) > 1:
		v, inc := d.Varint(), d.Varint()
		out[0] = v
		v += inc
		out[1] = v
		out = out[2:]
		d.packed(out)
		for i, u := range out {
			inc += Unzigzag(u) * step
			v += inc
			out[i] = v
		}
	case way == intsXor:
		v, shift := d.Varint(), d.Byte()
		if shift > 63 {
			d.Fail("shift by %d", shift)
			break
		}
		out[0] = v
		out = out[1:]
		d.packed(out)
		for i, u := range out {
			v ^= u << shift
			out[i] = v
		}
	case way == intsRuns && o&noRuns == 0:
		d.runs(out)
	default:
		d.Fail("unknown way %#x to write %d integers", head, len(out))
	}
}

func fill(out []uint64, v uint64) {
	for i := range out {
		out[i] = v
	}
}

func (d *Decoder) runs(out []uint64) {
	n := d.UpTo(len(out), "number of runs")
	if n == 0 {
		d.Fail("no runs")
		return
	}
	scratch := Grown(&d.run, 2*n)
	lengths, values := scratch[:n], scratch[n:]
	d.ints(lengths, noRuns)
	d.ints(values, noRuns)
	if d.Err != nil {
		return
	}
	for i, l := range lengths {
		if l >= uint64(len(out)) {
			d.Fail("runs are longer than their column")
			return
		}
		fill(out[:l+1], values[i])
		out = out[l+1:]
	}
	if len(out) > 0 {
		d.Fail("runs are %d short", len(out))
	}
}
