// Package edge assembles a node: buses and devices, the pipeline from samples to readings, the lanes, the forwarder's
// sessions, and what the node tells of itself.
//
// It stands in the middle of the flow: drivers → edge → forwarder. Sampling never waits for a link, a link never waits for a
// sensor, and one dead device never stops another.
//
// Start order is journal, links and HTTP, then drivers; stop order is with the stream: drivers, last commit, links, journal.
package edge
