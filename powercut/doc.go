// Package powercut is a file system that can lose power. It keeps, apart from what programs read, what a disk has for certain: of a file the bytes at its last
// sync, of a folder the names at its last sync. A cut makes a folder out of it as the next start might find it: of all that was written since, any part.
//
// # What a cut may do
//
//   - Unsynced writes reach the disk sector by sector, 512 or 4,096 bytes each, in any order, some and not others: a write can be torn, and a
//     later one can be there where an earlier one is not.
//   - A file's length is written as its bytes are: on its own. What lies below it and was never written reads as zeros.
//   - Names that were made, renamed or removed are there or not: each by itself, or as a journaling file system does it, all up to some point. A rename is whole or
//     not at all. Syncing a file makes neither its name nor the names of the folders above it durable.
//   - After a sync that failed, what it should have saved is lost unless it is written again, though readers still see it: as Linux does it.
//
// This is weaker than ext4 with data=ordered, whose fsync of a new file keeps the file's name too, and about what POSIX promises. It is not
// a disk that damages sectors at rest; package journal has tests for those.
//
// # Parts
//
// Disk is the model, in memory, and pure: what it does can be recorded as a Trace and played again without a mount. Serve makes it a FUSE mount and
// takes orders; it runs in a process of its own, as a page fault on a mapped file would otherwise wait for a goroutine that waits for the fault. Mount starts such a process.
package powercut
