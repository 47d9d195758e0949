package dense

import "slices"

// MaxBases is how many states a chain has at most.
const MaxBases = 4

// Chain is the states of a link that frames can be coded with, oldest first. Each end keeps one and adds each frame's state to it by the same rules, in the order of the
// frames, so that both have the same ones as long as no frame is lost; where one is, the receiver may lack a state, and says so. The zero Chain has none. It does not
// change: Encode and Decode return another one.
type Chain struct{ states []*State }

// with returns the chain after a frame that was coded with base, nil where it was cold, and left next.
//
// Who sends a frame with a base has seen that frame's acknowledgement: it will not come back to those before it. Frames in flight share a base; the first three of them are
// remembered, any of which can go on from there. So are the first four cold ones that are in flight together, the first of which begins the chain anew.
func (c Chain) with(base, next *State) Chain {
	if base == nil && next.anew {
		return Chain{[]*State{next}}
	}
	out := slices.Clone(c.states[max(0, slices.Index(c.states, base)):])
	if len(out) == MaxBases || (Chain{out}).By(next.Tag()) != nil {
		return Chain{out}
	}
	return Chain{append(out, next)}
}

// By returns the state of a tag; nil: there is none.
func (c Chain) By(tag byte) *State {
	for _, s := range c.states {
		if s.Tag() == tag {
			return s
		}
	}
	return nil
}

// Last returns the newest state that want says yes to; nil: none.
func (c Chain) Last(want func(name uint64) bool) *State {
	for _, s := range slices.Backward(c.states) {
		if want(s.name) {
			return s
		}
	}
	return nil
}

// Names returns the names of the states; not nil.
func (c Chain) Names() []uint64 {
	out := make([]uint64, len(c.states))
	for i, s := range c.states {
		out[i] = s.name
	}
	return out
}

// Only returns the chain of those states that are among names.
func (c Chain) Only(names []uint64) Chain {
	return Chain{slices.DeleteFunc(slices.Clone(c.states), func(s *State) bool { return !slices.Contains(names, s.name) })}
}

// Size returns about how many bytes the states take.
func (c Chain) Size() (n int) {
	for _, s := range c.states {
		n += s.Size()
	}
	return n
}
