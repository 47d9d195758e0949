package front

// Break has the next write to the newest file fail.
func Break(f *Front) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files[len(f.files)-1].f.Close()
}

// Scan gives fuzzing the search for records; it returns all payloads by name.
func Scan(b []byte, generation uint64) (found map[string][][]byte, sound bool) {
	found = map[string][][]byte{}
	sound = scan(b, generation, func(parts []part) {
		for _, p := range parts {
			found[p.name] = append(found[p.name], p.payload)
		}
	})
	return found, sound
}

// Record is appendRecord with one part.
func Record(b []byte, generation, number uint64, name string, payload []byte) []byte {
	return appendRecord(b, generation, number, part{name, payload})
}
