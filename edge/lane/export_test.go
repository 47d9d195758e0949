package lane

// Expire does what housekeeping does once a minute.
func (b *Book) Expire() { b.expire() }

// FollowClock does what housekeeping does every few seconds.
func (b *Book) FollowClock() { b.followClock() }
