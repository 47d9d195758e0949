// Package front keeps a small synced file that stands before one or more journals (delivery rule 18): what would cost each of them a commit of
// some 20 to 30 KB goes here first, for about 4 KB and one sync, and into the journals' own files many commits at a time.
//
// What a journal appends is opaque. It is durable when Append returns, and stays until the journal has folded it: has made all that it
// appended so far durable elsewhere. What was not folded when the process ended is handed over by the next Join.
//
// # Files
//
//	front.00000000000000000007       generation 7: made with all its bytes written as zeros, so that a sync later writes data alone
//	front.00000000000000000007.tmp   one that is being made: removed at opening
//	front.00000000000000000007.damaged-1   a copy of one in which something could not be read; the operator may delete it
//
// The newest is appended to. When it is full the next one is begun, and the journals with something in the older one are asked to fold; then it
// is removed. While there are two and both are full, or no other can be made, Append says ErrFull, and the journals do without.
//
// # Format
//
// Integers are big endian. A record is what one sync made durable: all of it or nothing. Records follow each other, with zeros between them where one that fits into
// a block of 4 KiB would lie in two; record 1 is the binding.
//
//	 0  u32  magic F1 E1 D9 F0
//	 4  u32  length of the body
//	 8  u64  generation: what an earlier file left in a block is never taken for a record
//	16  u64  number, from 1
//	24  u32  CRC-32C of the body
//	28  u32  CRC-32C of bytes 0–27
//	32       body: n × (u8 length | name | u32 length | payload). The binding has an empty name
//
// After bytes that are no record the search goes on: damage costs what was damaged.
package front
