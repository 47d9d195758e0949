// Package gateway assembles the centre: sources take what nodes send, ingest checks and commits it, the store keeps it and answers queries.
//
// It stands at the right of the flow: forwarder → gateway → people and systems. Start order is store, ingest, sources; stop order is with
// the stream: sources, what is queued, store.
package gateway
