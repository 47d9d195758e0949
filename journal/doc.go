// Package journal is an append-only log of opaque entries in segments of one bbolt file each. It stands between whoever has
// something to keep and the disk: on an edge one journal per lane, where a position is a sequence number; on a gateway one journal,
// where positions count the records as they come in. It knows no lanes, clocks or nodes.
//
// It promises, after ARCHITECTURE.md (delivery rules 15–18):
//
//   - Append returns when the entries are on disk, and readers see them then and not before.
//   - A bad disk costs what was on the bad bytes. A damaged segment is set aside, what can be read is put into a new
//     one under the same positions, and the loss is named. Opening never panics, loops or gives up for damage.
//   - One segment is open for append, the others are read-only and leave by unlink.
//   - Where there is a front file (package front), a small commit costs one sync and a few KB, and goes into the segments with many
//     others. Readers do not see the difference.
//   - A bbolt transaction never lasts longer than one bounded copy, and memory does not grow with what is stored.
//
// # Files
//
// A journal is a folder (0700), with one file per segment, named by the first position it may hold as 20 digits:
//
//	lock                                 held by flock while a process has the journal open; its id
//	00000000000000000001.seg             a segment; the one with the highest number is open for append
//	00000000000000000001.seg.tmp         one that is being made: removed at opening
//	00000000000000000001.seg.damaged-1   one that was set aside; the operator may delete it
//	00000000000000000001.*               what others keep beside a segment (.idx): removed with it and when it is replaced
//
// A segment is made as a temporary file, synced, renamed, and the folder synced; only then the one before it is sealed. All but
// the last count as sealed whatever they say.
//
// # Format
//
// A segment is a bbolt file (format 2, free list not stored, pages of the machine's size) with three buckets. Integers are big endian.
//
//	meta     key   u64 item
//	frames   key   u64 last position | u32 count        so that the first key ≥ p is the entry that holds p, or the next
//	blobs    key   u64 key given by the caller
//
// Each value is a cell: whoever finds one in the raw bytes of a file whose tree is gone can prove it and knows what it is.
//
//	 0  u32  magic F1 E1 D9 05
//	 4  u8   format version 1
//	 5  u8   kind: 0 meta, 1 entry, 2 blob
//	 6  u16  0
//	 8  u64  meta: item; entry: first position; blob: key
//	16  u32  entry: count of positions, at least 1
//	20  u32  length of the data, at most 2^28
//	24  u64  opening: how often the journal had been opened for append when this was written, counted from 1
//	32  u64  mark: entry: the caller's; meta: a position
//	40  u32  CRC-32C of the data
//	44  u32  CRC-32C of bytes 0–43
//	48       data
//
//	item 1   binding    data: whose journal it is
//	     2   opening    opening: the latest that wrote here; mark: the position at which it began
//	     3   next       mark: positions below are used up, though nothing may hold them (SkipTo)
//	     4   kept       data: n × (u64 from | u64 to), the positions in the segment; written as it is sealed
//	     5   salvaged   the segment was made from what could be read of a damaged one
//	     6   first      mark: the first position, as in the file's name
//
// # Damage
//
// At opening the last segment is proved: every page, every checksum. Of the others the bucket meta is read; the
// rest is checked as it is read, entry by entry, against the positions the segment is known to hold, and by Verify in the background.
// Salvage searches the whole file for cells, so that older copies of a page stand in for a bad one. Of two contents
// for one position the one of the higher opening holds; what an opening wrote at or after the position at which a later one began is the rest of a
// transaction that never finished, and stays out. The same holds for what the front file has; it is put into the open segment at opening, before
// anything else is appended.
//
// bbolt itself only ever opens files that internal/pages has proved, which also reads the sealed ones; see there for why.
package journal
