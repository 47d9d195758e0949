// Package frame is the codec of frames: the encoded form of consecutive records of one lane, which is what a journal
// stores and a link carries; and of the series tables that frames name by hash. It stands right behind the nouns of package
// telemetry and knows no clock, disk or network.
//
// What comes out of a frame is bit for bit what went in: every float with its NaN payload and sign of zero, every integer,
// every text, equal and backward times. The same records give the same bytes on every processor. Decoders take hostile bytes: they
// never panic, and take time and memory in proportion to the record count, which is at most MaxRecords, and the
// bytes really there. All functions are safe to call from several goroutines.
//
// # Notation
//
// All fixed-width numbers are little endian. "uv" is an unsigned varint (7 bits a byte, low first, top bit: more
// follows). "sv" is a signed number, its zigzag in a uv. "text" is a uv length and as many bytes. "scaled" is uv(m<<4|k) for the number
// m·10^k, k at most 14; with k = 15, m = 0 the number follows in 8 bytes. "zigzag" maps 0 -1 1 -2 … to 0 1 2 3 …. All
// arithmetic on integers is modulo 2^64.
//
// # Frame, version 1
//
//	byte      version = 1
//	byte      coding (low 4 bits: 0 plain, 1 reserved for dense), content (high 4 bits: 0 readings, 1 events)
//	byte      flags = 0. Reserved for fields that a connection already knows and a link may leave out; a reader that
//	          meets a bit it does not know must refuse the frame as of an unknown version
//	uv        bytes of the header from here to before its checksum, without this and the next field
//	uv        bytes of the body
//	byte        lane (low 4 bits), clock state (high 4 bits)
//	text        node
//	8 bytes     epoch
//	uv          first sequence
//	uv          records
//	uv          boot ordinal
//	8 bytes     boot id
//	8 bytes     wall clock minus monotonic clock, ns
//	scaled      zigzag of the earliest time, ns since 1970
//	scaled      latest minus earliest time
//	            only for readings:
//	8 bytes     hash of the series table
//	uv          number of columns; for each, ascending by series:
//	  uv          series minus (the series before, plus 1), the first: series
//	  uv          records
//	  uv          bytes of its block
//	4 bytes   CRC-32C of all before
//	          body
//	4 bytes   CRC-32C of all before, the header and its checksum included
//
// # Body of readings
//
//	order     only where there are several columns: what column each record is of
//	block     for each column
//
// Order:
//
//	0, uv p, ints(p)             the columns of the first p records; they repeat
//	1, uv n, ints(n), ints(n)    followers: each record is of the column that followed the last time after the column of the
//	                             record before it (at first, and before the first record: column 0), but for n misses. First the
//	                             distances of the misses (the first from the beginning, each other from behind the one before), then
//	                             their columns; both are left out where n is 0
//	2, ints(records)             all columns
//
// Block:
//
//	byte      how times are written (low 4 bits); 0x10: flags follow
//	times     0: scaled start minus the header's earliest time; scaled unit in ns; where unit is not 0: ints of (time-start)/unit
//	          1: those of the last block before that has times of its own, from its first on
//	          2: uv back, uv skip, scaled zigzag offset: those of the block back+1 before among those with times of their own,
//	             without the first skip, plus offset
//	flags     ints of quality (bits 0 and 1) and stamped (bit 2); without them all are good and not stamped
//	values
//
// Values: a byte of the kind (low 3 bits: 0 float, 1 integer, 2 boolean, 3 text, 4 several), a float's lattice (next 3 bits)
// and 0x40 where a float has corrections; then
//
//	integer   ints
//	boolean   ints of 0 and 1
//	text      uv n; n times uv length; the n distinct texts' bytes; ints of which text each value is
//	float     the lattice's parameters, ints(m), and where there are corrections packed(zigzag c): bits = bits of the lattice's
//	          float for m, plus c. The lattices:
//	          0              the bits, those of negative floats with all but the sign inverted; ints, xor allowed
//	          1, byte e      m/10^e
//	          2, byte e      float32(m/10^e)
//	          3, byte e      m/2^e as a float32, and of that the shortest of the decimals of 6 to 9 digits that reads back the same;
//	                         below 0.0001, and from 100,000 on, the float32 itself
//	          4, byte e, d   m/(d·10^e) rounded to 15 digits, half away from zero; 0 where m/d has over 14 digits before the point, or
//	                         the result over 22 behind it
//	          e is at most 22, of lattice 3 at most 63; every division and product is one IEEE operation, rounded by itself
//	several   ints of the kinds, then values of each kind that occurs, ascending: all of that kind in order
//
// ints(n): a byte of the way (low 4 bits) and 0x10 where a step s follows as uv, else s is 1 (ways 2 to 5); then
//
//	0 constant     sv v
//	1 linear       sv v0, sv d:               v[i] = v0 + i·d
//	2 offset       sv b, packed(n):           v[i] = b + s·u[i]
//	3 delta        sv v0, packed(n-1):        v[i] = v[i-1] + s·columns.Unzigzag(u[i])
//	4 delta base   sv v0, sv b, packed(n-1):  v[i] = v[i-1] + b + s·u[i]
//	5 delta delta  sv v0, sv d1, packed(n-2): d[i] = d[i-1] + s·columns.Unzigzag(u[i]), v[i] = v[i-1] + d[i]
//	6 xor          sv v0, byte k, packed(n-1): v[i] = v[i-1] xor u[i]<<k
//	7 runs         uv r, ints(r) of lengths minus 1, ints(r) of values; these are not runs again
//
// packed(n): blocks of 64 numbers, the last one shorter. A block:
//
//	byte      width w of the low parts, 0 to 64; 0x80: exceptions follow
//	          the low w bits of each number, lowest bit first, one after the other, padded with zeros to a byte
//	          where there are exceptions:
//	byte      how many
//	byte      width h of their high parts; w+h is at most 64
//	bytes     their places in the block, ascending
//	          their high parts, h bits each, as above
//
// # Body of events
//
//	byte      state (low 4 bits), severity (high 4 bits)
//	scaled    time minus the header's earliest time
//	text      device
//	text      pattern
//	text      message
//	byte      causes; for each:
//	  byte      kind (low 4 bits), quality (high 4 bits)
//	  scaled    zigzag of the event's time minus the cause's
//	  text      metric
//	  text      unit
//	  value     float: 8 bytes; integer and boolean: sv; text: text
//
// # Series table, version 1
//
//	byte      version = 1
//	labels    of the node: uv n, then n times text key, text value, ascending by key
//	uv        devices; for each:
//	  text      name
//	  labels
//	  uv        metrics; for each:
//	    byte      kind (low 4 bits); 0x10: derived; 0x20: it may be rounded
//	    text      name
//	    text      unit
//	    rounding  where it may be: byte 1: to a resolution, 2: by an error in its unit, 3: by a fraction of the value; 8 bytes of float: by how much
//
// A table has one form only: a reader refuses longer varints, labels out of order and repeated names.
package frame
