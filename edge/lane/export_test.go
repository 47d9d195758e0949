package lane

// Expire does what housekeeping does once a minute.
func (b *Book) Expire() { b.expire() }

// FollowClock does what housekeeping does every few seconds.
func (b *Book) FollowClock() { b.followClock() }

// MakeRoomNow does what a full disk has done: it drops one segment.
func (b *Book) MakeRoomNow() { b.makeRoomNow(b.freed.Load()) }
