// Package model is a test only: random walks through what may happen between a node and its gateway, in every order, played by the code that is
// released: edge/lane on a disk, forwarder's sessions, gateway/ingest and gateway/store on a disk. Only the network between them and the clock are made up. Each walk is
// drawn from a seed and runs in made-up time, so that a watchdog of half a minute costs nothing.
//
// The walks know kills, folders put back to older copies (of either side, also of a gateway that is then run on), cards cloned, commits that fail
// after they came to pass and before, cut, silent and late connections, two links at once, and a broker between that doubles messages and lets the gateway be replaced unnoticed.
//
// What holds after each step: an edge never believes of its gateway's present life that something is stored which is not; an identity has one content, everywhere and
// for ever; no reading is at the gateway under two identities. What holds in the end: the gateway has all that the edges keep.
package model
