package frame

// ints fills out, which is not empty, with a column that appendInts wrote.
func (d *decoder) ints(out []uint64, o intsOptions) {
	head := d.byte()
	step := uint64(1)
	if head&intsStep != 0 {
		step = d.uvarint()
	}
	switch way := head &^ intsStep; {
	case way == intsConstant:
		fill(out, d.varint())
	case way == intsLinear:
		v, inc := d.varint(), d.varint()
		for i := range out {
			out[i] = v
			v += inc
		}
	case way == intsOffset:
		base := d.varint()
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
		v := d.varint()
		out[0] = v
		out = out[1:]
		d.packed(out)
		for i, u := range out {
			v += unzigzag(u) * step
			out[i] = v
		}
	case way == intsDeltaBase:
		v, base := d.varint(), d.varint()
		out[0] = v
		out = out[1:]
		d.packed(out)
		for i, u := range out {
			v += base + u*step
			out[i] = v
		}
	case way == intsDelta2 && len(out) > 1:
		v, inc := d.varint(), d.varint()
		out[0] = v
		v += inc
		out[1] = v
		out = out[2:]
		d.packed(out)
		for i, u := range out {
			inc += unzigzag(u) * step
			v += inc
			out[i] = v
		}
	case way == intsXor:
		v, shift := d.varint(), d.byte()
		if shift > 63 {
			d.fail("shift by %d", shift)
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
		d.fail("unknown way %#x to write %d integers", head, len(out))
	}
}

func fill(out []uint64, v uint64) {
	for i := range out {
		out[i] = v
	}
}

func (d *decoder) runs(out []uint64) {
	n := d.upTo(len(out), "number of runs")
	if n == 0 {
		d.fail("no runs")
		return
	}
	scratch := d.running(2 * n)
	lengths, values := scratch[:n], scratch[n:]
	d.ints(lengths, noRuns)
	d.ints(values, noRuns)
	if d.err != nil {
		return
	}
	for i, l := range lengths {
		if l >= uint64(len(out)) {
			d.fail("runs are longer than their column")
			return
		}
		fill(out[:l+1], values[i])
		out = out[l+1:]
	}
	if len(out) > 0 {
		d.fail("runs are %d short", len(out))
	}
}
