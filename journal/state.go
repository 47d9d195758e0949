package journal

// SKELETON: signatures are fixed, bodies to be written.

// State is a small durable map beside a journal (epochs, boot table, checkpoints, cursors): one bbolt file, each value checked by CRC-32C.
// A damaged file is set aside and begun anew: its owner must be able to go on without it. Safe for concurrent use.
type State struct{}

// OpenState opens or creates the state file at path for binding (see Options.Binding; ErrBinding). damage is nil unless the file had to be set aside.
func OpenState(path, binding string) (s *State, damage *Damage, err error) { panic("skeleton") }

// Get returns a copy of key's value, or nil.
func (s *State) Get(key string) ([]byte, error) { panic("skeleton") }

// Update puts and deletes (nil value) in one durable commit.
func (s *State) Update(puts map[string][]byte) error { panic("skeleton") }

// Each calls f for each key with prefix in order; value is valid during the call only. f must not call s.
func (s *State) Each(prefix string, f func(key string, value []byte) error) error { panic("skeleton") }

// Close closes the file.
func (s *State) Close() error { panic("skeleton") }
