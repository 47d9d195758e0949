package lane

// Expire does what housekeeping does once a minute.
func (b *Book) Expire() { b.expire() }
