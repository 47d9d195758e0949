// Package store keeps the frames of all nodes in one journal, in the order they arrived, and knows of every lane what is on its
// disk, what may still come and what will not. It stands between ingest, which hands it checked frames, and the HTTP handlers,
// which see it as an api.Selector.
//
// The folder:
//
//	lock            held by the process that has the folder open; its process id
//	id              the store's id, 32 hexadecimal digits, drawn once
//	state.db        journal.State: checkpoint, nodes, boot tables, epochs
//	journal/*.seg   the frames; an entry's Mark is its commit time in Unix nanoseconds
//	quarantine/     frames whose records cannot be read, for people to look at
//
// A committed frame is its own receipt (delivery rule 16): which sequences are stored is kept in memory, written down every minute and
// every segment's worth of data together with the journal position that it covers, and completed at opening from the headers of what
// came after. If the journal lost anything that the checkpoint covers, the checkpoint's ranges are forgotten and worked out anew
// from all headers on disk and from what retention is known to have dropped.
//
// An epoch that is over and complete becomes past (past.go): one range of each lane, so that a repeat is known as one. How much a node can make
// the store remember is bounded (node.go), and no bound ends a connection or refuses a new epoch.
//
// Locks: Store.commit before Store.mu and before the lock of history.Reader; that of history.Catalogue comes last. Store.mu guards the
// ledger and is never held over a write.
package store
