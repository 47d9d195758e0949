// Package reduce decides which readings of a series are reported: those that say something new, and one now and then as a sign of life.
//
// It stands between the conditioning of a reading and its lane: condition → match → reduce → lane. Patterns have seen every reading
// before it comes here. A Reducer is pure: no clock, no goroutine, no disk.
//
// A reading is reported if
//
//   - it is the first,
//   - its quality or its type is not that of the last reported one,
//   - it is a number and not-a-number came before, or the other way round,
//   - it is an infinity, a boolean or a text, and not the same one,
//   - it is a number and farther than the Band from the last reported one, or
//   - max_silence has passed since then: on the node's monotonic clock, or between the times of two readings that the instrument dated.
//
// With a change, though not with a sign of life, the reading just before it is reported too, if it was held back: it says that nothing had
// changed until then. Without it a chart would draw a slope over minutes where there was a step. So a held-back reading waits
// for its successor before it goes anywhere, and each reading ends in exactly one place.
//
// What was not reported is then known this well: between two reported readings, each one held back differs from the earlier of
// the two by at most the band, and from the straight line through both by at most twice the band.
package reduce
