// Package outage measures what comes after one, with the built binaries: an edge that holds a backlog of so many readings is started anew, first on
// a good link, then on one of 64 kbit/s and 300 ms each way, and then on a good one again until all has arrived. What it tells, of each backlog:
// how long from the start until the gateway had the first of it on its disk, how long events took that were raised while the slow link was full of it, what memory the
// edge took, and how fast it drained.
package outage
