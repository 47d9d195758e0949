package pattern

import (
	"github.com/expr-lang/expr/vm"
)

// truth is Kleene's: what an expression says of what is known.
type truth uint8

const (
	unknown truth = iota
	no
	yes
)

func (t truth) not() truth { return [...]truth{unknown, yes, no}[t] }

type op uint8

const (
	opCondition op = iota
	opNot
	opAnd
	opOr
)

var connectives = map[string]op{"and": opAnd, "&&": opAnd, "or": opOr, "||": opOr}

// term is a condition, or and, or, not of terms.
type term struct {
	op      op
	a, b    *term
	program *vm.Program // of a condition
	uses    []int       // metrics of a condition
}

func (t *term) eval(v *values) truth {
	switch t.op {
	case opNot:
		return t.a.eval(v).not()
	case opAnd:
		return both(t.a, t.b, v, no)
	case opOr:
		return both(t.a, t.b, v, yes)
	}
	for _, i := range t.uses {
		if !v.known[i] {
			return unknown
		}
	}
	out, err := v.machine.Run(t.program, v.env)
	if err != nil {
		return unknown // arithmetic without a result
	}
	if out == true {
		return yes
	}
	return no
}

// both is and or or: either is settled by one side that is the settling truth, else both sides must be known.
func both(a, b *term, v *values, settles truth) truth {
	x := a.eval(v)
	if x == settles {
		return x
	}
	y := b.eval(v)
	if y == settles || x == unknown {
		if y == settles {
			return y
		}
		return unknown
	}
	return y
}
