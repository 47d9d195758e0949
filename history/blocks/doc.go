// Package blocks keeps, beside a journal of frames, the same readings by series: what a question for one series over weeks would
// otherwise have to pick out of frames of hundreds of series. It stands beside the journal, as its index does, and is disposable: whatever is not
// here, or not any more, is read from the journal, which stays the truth.
//
// A part is one file with all readings of some positions of the journal: of a whole segment, once that is sealed, or of a stretch of the open
// one. In it a chunk is some readings of one series from consecutive frames, with what they come to; a group lists the chunks of a series.
//
// # File <segment>.blk, <segment>.<next>.blk
//
// Fixed integers are big endian; uv and sv are Go's unsigned and signed varints; text is a uv length and as many bytes.
//
//	chunks     one after the other, in the order in which they were made
//	  uv         how many frames the readings are from; for each, in order of position
//	  uv           position, less that of the frame before
//	  sv           mark of the journal's entry, less that of the frame before
//	  uv           readings from it
//	  ints(n)    the readings' sequences, less that of the chunk's frame; ints as package frame has them
//	  u32        CRC-32C of the chunk up to here
//	  frame      the readings as a frame of their own: node, epoch, lane, boot, clock and table are those of the frames they are from, first
//	             is the sequence of the first reading
//	groups     ascending as the directory
//	  u32        CRC-32C of the rest of the group
//	  text       node, device, metric
//	  uv         chunks; for each, in order of position
//	    sv         offset, less the end of the chunk before
//	    uv         bytes
//	    byte       flags: 1 times may still be put right, 2 table and column follow (else those of the chunk before), 4 numbers follow
//	    u64, uv    table, column
//	    uv         position of the first frame, less that of the chunk before
//	    uv         readings
//	    sv, uv     earliest time, less that of the chunk before; latest less earliest time; as the frames have them
//	    uv         of the summary: count
//	    uv, byte   numbers; kinds of least (low 4 bits) and greatest (high 4 bits)
//	    6 × u64    least, greatest; sum, lost, small, infinite
//	directory  for each group, ascending by key, then node, device, metric
//	  u64        key: FNV-1a of the names, a zero byte after each
//	  u64, u32   offset and bytes of the group
//	  reach      of its chunks: u32 flags: 1 as above, of any chunk | i64 earliest | i64 latest time
//	trailer    u32 magic F1 E1 DB 1C | u8 version 1 | 3 bytes 0
//	           u64 first, u64 next    the positions
//	           u64 records            that the journal has of them
//	           u64 mark, u32 sum      of the last entry: its mark and the CRC-32C of its data
//	           u32 groups
//	           u64 offset of the directory
//	           u32 CRC-32C of the directory
//	           reach of all groups
//	           u32 CRC-32C of the trailer before
package blocks
