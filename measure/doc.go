// Package measure makes the measurements that are published about Fieldpost, with the built binaries, each of them a process of its own. It believes what they
// answer over HTTP and what the kernel says of them, and nothing else. Each measurement fails where a single record is missing at its end.
//
//	Outage   what comes after an outage, on a slow link: the first reading, new events, memory
//	Sizes    bytes a reading of recordings, in batches
//	Link     bytes a reading of a live node on a link, beside Mosquitto's bridge
//	PeerStream  how fast Mosquitto and its bridge carry them
//	Flash    bytes written to the card
//	Stream   how fast readings come from a driver to the gateway's disk, and how fast a backlog drains
package measure
