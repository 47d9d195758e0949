package dense

import (
	"fieldpost/telemetry"
)

// value codes the bits of a number of series id, which s remembers.
func (m *model) value(a *arith, id uint32, s *series, bits uint64) uint64 {
	n, exact := int64(bits), true
	if s.kind == telemetry.KindFloat {
		if n, exact = s.units.integer(bits); !exact && n == 0 {
			n = s.last[0] // not a number, or far away: anything will do, for what is missed is coded
		}
	}
	var p [predictors]float64
	center := m.predict(s, &p)
	seen, check, told := m.seen(id, s)
	c := m.about(id, s, center, &p, told)
	set := int(id % ownSets)

	again := s.n > 0 && m.bit(a, c, kindRepeat, set, 0xAAAA, truth(bits == s.bits)) == 1
	found := again
	if again {
		bits = s.bits
	}
	for i, was := range seen {
		if found || told[i] != another || i == 1 && told[0] == another && was.bits == seen[0].bits {
			continue
		}
		if found = m.flag(a, kindMatch, setOther, was.bits == bits, s.trust[i], uint32(i), id); found {
			bits = was.bits
		}
	}
	if found {
		if n = int64(bits); s.kind == telemetry.KindFloat {
			if n, exact = s.units.integer(bits); !exact && n == 0 {
				n = s.last[0]
			}
		}
	} else {
		bits, n = m.fresh(a, id, s, bits, n, center, exact, &p, c, set)
	}
	for i, was := range seen {
		if was == nil {
			continue
		}
		if told[i] != nothing {
			s.trust[i] = (s.trust[i]<<1 | uint32(truth(was.bits == bits))) & 7
		}
		*was = match{check[i], bits}
	}
	s.bits = bits
	s.learn(n, center, &p, again)
	now := &m.now
	now.repeats = now.repeats<<1 | uint32(truth(again))
	if now.n < instants {
		now.bits[now.n], now.series[now.n] = bits, id
	}
	now.n++
	return bits
}

// fresh codes a number that was not foreseen as a whole.
func (m *model) fresh(a *arith, id uint32, s *series, bits uint64, n, center int64, exact bool, p *[predictors]float64, c *contexts, set int) (uint64, int64) {
	var miss int64
	if s.kind == telemetry.KindFloat && !m.flag(a, kindExact, setOther, exact, id) {
		var mc contexts
		mc.add(id)
		mc.add(id, uint32(s.miss))
		miss = m.number(a, &mc, setMiss, 0x40000, 0, int64(bits-s.units.float(n)))
		s.miss = miss
	}
	if s.n > 1 {
		g := m.room[:0]
		add := func(at, scale float64) { g = append(g, guess{at, float64((scale + 0.05) * 0.7)}) }
		blend := float64(center)
		add(blend, s.fast)
		add(blend, s.slow)
		if s.own.x != nil {
			for _, by := range [...]int{byLast, byOwn, byOthers, byLevels} {
				add(p[by], s.off[by])
			}
		}
		m.guesses = g
	}
	if s.n == 0 {
		n = a.wide(n)
	} else {
		n = m.number(a, c, set, 0x10000, center, n)
	}
	m.guesses = nil
	if s.kind == telemetry.KindFloat {
		return s.units.float(n) + uint64(miss), n
	}
	return uint64(n), n
}

// predict returns where the next number should lie, and what each predictor says.
func (m *model) predict(s *series, p *[predictors]float64) (center int64) {
	if s.n == 0 {
		return 0
	}
	last := float64(s.last[0])
	p[byLast] = last
	p[byLine] = last + float64(s.last[0]-s.last[1])
	p[byMean] = s.mean
	used := byMean + 1
	if s.own.x != nil {
		m.regress(s, last, p)
		used = predictors
	}
	// Each by the inverse fourth power of how far off it was.
	var sum, all float64
	for i, x := range p[:used] {
		e := s.off[i] + 0.02
		e = float64(e * e)
		w := 1 / float64(e*e)
		all += w
		sum += float64(w * x)
	}
	return whole(float64(sum / all))
}

// regress asks the three least squares.
func (m *model) regress(s *series, last float64, p *[predictors]float64) {
	u := unit(s.delta)
	for i := range 3 {
		s.own.x[i] = float64(float64(s.last[i]-s.last[i+1]) * u)
	}
	s.own.x[3] = float64((s.mean - last) * u)
	others, levels := s.others.x, s.levels.x
	clear(others[copy(others, s.own.x):])
	clear(levels)
	s.center, s.unit = s.origin, u
	levels[0], levels[1] = float64((last-s.origin)*u), 1
	// What came before at this instant, newest first.
	for i, n := 0, min(m.now.n, instants); i < n; i++ {
		q := m.at(m.now.series[n-1-i])
		if q.n == 0 || q == s {
			continue
		}
		v := unit(q.delta)
		if 4+i < len(others) {
			others[4+i] = float64(float64(q.change) * v)
		}
		if 2+i < len(levels) {
			levels[2+i] = float64((float64(q.last[0]) - q.origin) * v)
		}
	}
	p[byOwn] = last + float64(s.own.predict()/u)
	p[byOthers] = last + float64(s.others.predict()/u)
	p[byLevels] = s.origin + float64(s.levels.predict()/u)
}

// What a match says of the next number.
const (
	nothing = iota
	theSame // as the last
	another
)

// seen returns what came when the numbers of this instant were as they are, by two views of it, and what that says.
func (m *model) seen(id uint32, s *series) (found [2]*match, check [2]uint32, told [2]uint32) {
	n := min(m.now.n, instants)
	if n == 0 {
		return
	}
	b := &m.now.bits
	views := [2][2]uint64{{b[0]}, {}}
	if n >= 2 {
		views = [2][2]uint64{{b[0], b[1]}, {b[n-1], b[n-2]}}
	}
	for i, v := range views {
		if i == 1 && n < 2 {
			break
		}
		h := uint64(id+1)*0x9E3779B97F4A7C15 ^ uint64(i+1)*0xD6E8FEB86659FD93
		h = (h ^ v[0]) * 0xFF51AFD7ED558CCD
		h ^= h >> 32
		h = (h ^ v[1]) * 0xC4CEB9FE1A85EC53
		h ^= h >> 29
		h *= 0x9E3779B97F4A7C15
		found[i], check[i] = &m.match[h>>(64-matchBits)], uint32(h>>22)|1
		if found[i].check == check[i] {
			told[i] = another
			if found[i].bits == s.bits && s.n > 0 {
				told[i] = theSame
			}
		}
	}
	return found, check, told
}

// about gathers the contexts of a number.
func (m *model) about(id uint32, s *series, center int64, p *[predictors]float64, told [2]uint32) *contexts {
	c := &m.c
	c.reset()
	fast, slow := size(whole(s.fast*4)), size(whole(s.slow*4))
	run := s.run
	if run > 15 {
		run = 16 + min(size(int64(run)), 30)
	}
	c.add(id, fast)
	c.add(id, told[0], told[1], s.trust[0], s.trust[1], min(run, 3))
	if m.effort == Light {
		c.add(fast, slow)
		return c
	}
	var beside, besideAgain uint32
	if n := min(m.now.n, instants); n > 0 {
		q := m.at(m.now.series[n-1])
		beside, besideAgain = signed(q.residual[0]), uint32(truth(q.again))
	}
	last := s.last[0]
	// Of numbers that go far each time only the upper part says anything.
	far := max(int(slow)/2-5, 0)
	coarse, before := uint32(last>>far), uint32(s.last[1]>>far)
	c.add(id, signed(center-last), fast>>1)
	c.add(id, run, besideAgain)
	c.add(id, beside, besideAgain)
	c.add(id, coarse)
	c.add(id, m.now.repeats&0xff, min(run, 3))
	c.add(id, signed(whole(p[byOthers])-center), signed(s.change))
	c.add(id, coarse, before, m.now.repeats&3)
	return c
}
