// Package pattern finds conditions in the readings of one device and says when they begin and end.
//
// It stands beside the pipeline: the edge shows it every reading and puts what it answers into the alarm lane. It keeps no clock, does no
// I/O and starts no goroutine.
//
// A pattern is two expressions over the device's metrics, `when` and `clear`, and a delay, `for`. Expressions are parsed and run by
// github.com/expr-lang/expr, but only after a check of our own has passed the tree (see check.go): numbers, booleans and texts, comparison,
// arithmetic, and/or/not and a few functions. There are no loops, lists or calls into anything, so that an expression costs at most
// its maxNodes.
//
// # Truth
//
// An expression is true, false or unknown. A comparison is unknown while a metric in it has no value: none came yet, or the newest is bad.
// `and`, `or` and `not` go on with what is known (Kleene's logic): a broken probe does not hide what the others show. Arithmetic
// that gives no number (a division by zero) is unknown too. Unknown neither raises nor clears.
//
// A value stands until the next reading of its metric, however long that takes: that nothing comes is what the pattern `silent` is for.
//
// # Time
//
// Patterns are looked at when a reading comes and never between: silence changes nothing. `for` is measured on the monotonic clock from the
// first reading that makes `when` true to the one that raises. One false reading starts it anew. An unknown one stops the watch without
// setting it back: the time up to the next known reading does not count.
package pattern
