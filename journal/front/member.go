package front

import "fmt"

// Member is a journal's place in a Front. Its methods are called by one goroutine at a time.
type Member struct {
	f    *Front
	name string
	fold func()
}

// Append makes payload, of at most Largest bytes, durable. ErrFull says that the front has no room; nothing is kept then. After another error nobody knows what is
// on the disk: the journal must go on under numbers that tell what it appends later from this.
func (m *Member) Append(payload []byte) error {
	if len(payload) > Largest {
		return fmt.Errorf("%w: %d bytes are more than %d", ErrFull, len(payload), Largest)
	}
	r := &request{part: part{m.name, payload}, done: make(chan error, 1)}
	m.f.mu.Lock()
	if m.f.closed {
		m.f.mu.Unlock()
		return ErrClosed
	}
	m.f.queue = append(m.f.queue, r)
	m.f.work.Signal()
	m.f.mu.Unlock()
	return <-r.done
}

// Folded says that all that was appended under the name so far, and all that Join handed over, is durable elsewhere.
func (m *Member) Folded() {
	m.f.mu.Lock()
	defer m.f.mu.Unlock()
	delete(m.f.left, m.name)
	for _, one := range m.f.files {
		delete(one.waiting, m.name)
	}
	m.f.prune()
}

// Leave ends the membership. payloads are what was not folded: the next Join under the name gets them.
func (m *Member) Leave(payloads [][]byte) {
	m.f.mu.Lock()
	defer m.f.mu.Unlock()
	delete(m.f.members, m.name)
	if len(payloads) == 0 {
		return
	}
	aside := ""
	if r := m.f.left[m.name]; r != nil {
		aside = r.aside
	}
	m.f.left[m.name] = &remains{payloads: payloads, aside: aside}
}
