// Package history reads readings and events back out of journals of frames: on an edge one journal per lane, on a gateway one for
// all nodes. It stands beside the flow: journal → history → the HTTP handlers.
//
// A Reader serves one journal; Merge makes several of them, and the Catalogue of what series there are, one answer. Readings
// come out in order of time although frames lie in order of arrival: the index says which frames may hold something wanted, and
// only those whose spans overlap are decoded at the same time. Times are put right as they are read, where a boot's clock became
// known after its frames were written (delivery rule 19); what is on disk never changes.
package history
