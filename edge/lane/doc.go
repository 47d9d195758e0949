// Package lane keeps a node's records: four numbered lanes, each one journal, under one node-wide run of epochs.
//
// It stands between the pipeline, which adds records, and the forwarder, which reads committed frames and says what is
// acknowledged. It decides when records become frames, what the gateway is told of them, and what leaves when room is short.
//
// A record's position in its lane's journal is its sequence. Sequences count on across epochs. Layout of the folder:
//
//	lock         held while a process has the lanes open
//	state.db     epochs, boot table, losses, how far the lanes go, acknowledged ranges (journal.State, JSON values)
//	clock.floor  the last time known for sure (clock.Keeper)
//	front.*      what is committed before it goes to the journals, many commits at a time
//	alarm/ live/ bulk/ archive/   one journal each
//
// state.db may be lost: epochs are then worked out again from the frames' headers, and the gateway's hello says anew what is acknowledged.
//
// Lock order: Book.mu before writer.mu. Neither is held during a commit; commits hold Book.epochMu for reading so that an
// epoch never changes under them.
package lane
