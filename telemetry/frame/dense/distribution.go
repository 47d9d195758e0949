package dense

import "math"

// Every product is rounded by itself, by a conversion: Go may else make one operation of it and a sum that follows, and two processors would not have the
// same model. There is nothing but IEEE sums, products, quotients and roots here.

// guess is where a predictor says that a number lies, and how far off it was lately.
type guess struct{ at, scale float64 }

// split tells bit what each guess says of a decision: 1 is that the number lies in [a1, b1), 0 in [a0, b0).
func (m *model) split(a1, b1, a0, b0 float64) {
	for i, g := range m.guesses {
		one := cdf((b1-g.at)/g.scale) - cdf((a1-g.at)/g.scale)
		zero := cdf((b0-g.at)/g.scale) - cdf((a0-g.at)/g.scale)
		m.told[i] = odds(one, zero)
	}
	m.tells = len(m.guesses)
}

// hit is split for a number that lies in [a, b) or anywhere else.
func (m *model) hit(a, b float64) {
	for i, g := range m.guesses {
		one := cdf((b-g.at)/g.scale) - cdf((a-g.at)/g.scale)
		m.told[i] = odds(one, 1-one)
	}
	m.tells = len(m.guesses)
}

func odds(one, zero float64) int32 {
	all := one + zero
	if !(all > 1e-14) {
		return 0
	}
	return stretch(int32(min(max(float64(one/all)*65536, 1), 65535)))
}

// cdf is that of Student's t of two degrees of freedom: its tails are heavy, as sensors' are, and it takes no more than a root.
func cdf(x float64) float64 {
	switch {
	case x > 1e8:
		return 1
	case x < -1e8:
		return 0
	}
	return 0.5 + float64(0.5*float64(x/math.Sqrt(2+float64(x*x))))
}

// rls is recursive least squares: the weights by which a number is predicted from some inputs, learned with an exponential memory.
type rls struct {
	forget float64
	x, w   []float64
	p      []float64 // inverse correlation of the inputs, row by row
	out    float64   // what was predicted
}

func newRLS(n int, forget float64) rls {
	r := rls{forget: forget, x: make([]float64, n), w: make([]float64, n), p: make([]float64, n*n)}
	r.restart()
	return r
}

func (r *rls) clone() rls {
	c := *r
	if len(r.x) == 0 {
		return c
	}
	all := make([]float64, 0, 2*len(r.x)+len(r.p))
	all = append(append(append(all, r.x...), r.w...), r.p...)
	n := len(r.x)
	c.x, c.w, c.p = all[:n:n], all[n:2*n:2*n], all[2*n:]
	return c
}

// restart forgets what the inputs had in common, not the weights.
func (r *rls) restart() {
	clear(r.p)
	for i := range r.x {
		r.p[i*len(r.x)+i] = 1
	}
}

// predict returns what follows from x.
func (r *rls) predict() float64 {
	var sum float64
	for i, w := range r.w {
		sum += float64(w * r.x[i])
	}
	if !(math.Abs(sum) < 1e15) {
		sum = 0
	}
	r.out = sum
	return sum
}

// update is told what came in place of what was predicted.
func (r *rls) update(y float64) {
	n := len(r.x)
	var k [maxRLS]float64
	gain := r.forget
	for i := range n {
		var s float64
		for j, p := range r.p[i*n : (i+1)*n] {
			s += float64(p * r.x[j])
		}
		k[i] = s
		gain += float64(r.x[i] * s)
	}
	if !(gain > 1e-12 && gain < 1e300) {
		clear(r.w)
		r.restart()
		return
	}
	inverse := 1 / gain
	step := float64((y - r.out) * inverse)
	back := 1 / r.forget
	for i := range n {
		r.w[i] += float64(step * k[i])
		f := float64(k[i] * inverse)
		for j := i; j < n; j++ {
			v := float64((r.p[i*n+j] - float64(f*k[j])) * back)
			r.p[i*n+j], r.p[j*n+i] = v, v
		}
		if d := r.p[i*n+i]; !(d > 1e-12 && d < 1e12) {
			r.restart()
			return
		}
	}
}

// maxRLS is the most inputs.
const maxRLS = 9

// unit is the power of two by which numbers of this size come near one.
func unit(size float64) float64 {
	_, e := math.Frexp(size + 0.5)
	return math.Ldexp(1, -e)
}
