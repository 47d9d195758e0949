// Package torture tries the promise that nothing is lost and nothing comes twice. It runs the built edge and gateway as processes of their own, feeds the edge
// numbered readings over a pty and over TCP, and does to both what a seeded schedule says: kill -9, cuts, silence, swallowed and doubled messages, slow links,
// full disks, clock steps, cloned cards, folders put back to an older copy. Then it lets everything drain and compares, record by record, what the edge had
// committed with what the gateway has.
//
// A record counts as committed once its append has returned. The edge shows no others over HTTP, so what it showed just before it was stopped or killed counts,
// and what a copy of its folder is found to hold afterwards. What was only in memory at a kill is told apart; its bound is commit_every.
package torture
