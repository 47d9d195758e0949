// Package ingest takes what nodes send, checks it, leaves out what is stored already, commits the rest and acknowledges it. It
// stands between the sources, which know transports, and the store, which knows disks: source → ingest → store.
//
// A message is read, and a frame checked and decoded, on the goroutine of the connection it came by. Frames then go through one queue, bounded
// in bytes for each node and in all, to the one goroutine that commits: whatever has come while one commit was written is the
// next one. Only after it returned are acks sent, each to the connection by which the frame came (delivery rules 8 to 10).
//
// What cannot be stored is refused by name, which costs the node a window slot and no connection. A connection is ended only for what
// breaks the protocol, and after a commit that failed.
package ingest
