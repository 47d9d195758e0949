// Package dense is the codec of dense frames: the same records, identities and header as a plain frame of package frame, for links on which bytes are dear. It
// stands beside the plain codec. Nothing stores dense frames: who receives one decodes it, and goes on with a plain one.
//
// Both ends hold a model, which foresees each record from those before it, and learn from each alike; what is sent is where it was wrong, by an arithmetic
// coder. A cold frame begins with a model that knows nothing, and is decoded by itself; a warm one begins with the model after an earlier frame that the receiver is known
// to have, its state, and names it. So a frame that is lost, repeated or late harms no other one.
//
// What comes out is bit for bit what went in, or an error: each frame has a checksum of what it means, and of the name of the state that it was coded with. That the two
// models stay the same on any two processors is what everything rests on: all is integers, or IEEE sums, products, quotients and roots that are rounded one by one.
//
// What makes frames small, in the order in which it is asked: is the record of the series that came after the last one before; at the same instant; does the series say
// again what it said; what it said when the other series stood as they do now; and else how far it is from where six predictors, weighed by how far off they were lately, say
// that it should be. Floats are integers in units of a lattice, proven bit for bit. Each binary decision is asked of some contexts and of the predictors' distributions; a mixer
// weighs them by what they were worth.
//
// A state takes at most MaxState. Encoding and decoding take hostile records and bytes: they never panic, and take time in proportion to the records, at most MaxRecords
// a frame.
package dense
