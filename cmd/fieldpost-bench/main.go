// Command fieldpost-bench repeats what is published about Fieldpost. Exit status: 0 ok, 1 a promise was broken or a run failed, 2 wrong usage.
package main

import "fieldpost/cmd/internal/command"

const name = "fieldpost-bench"

const usage = `fieldpost-bench repeats what is published about Fieldpost.

  fieldpost-bench torture [-seed N] [-schedules K] [-minutes M] [-actions A] [-json]
                                   does to an edge and a gateway what fields do, and counts what was lost; needs the two
                                   binaries beside this one
  fieldpost-bench outage [-backlogs N,…] [-events N] [-json]
                                   measures what comes after an outage: how soon the first reading and a new event are at the gateway, over a slow link,
                                   with how much memory, and how fast the rest follows
  fieldpost-bench wire [-seconds S] [-json]
                                   measures bytes a reading: of recordings in batches, and of a live node on a link with TLS, beside what others take
  fieldpost-bench flash [-seconds S] [-json]
                                   measures bytes written to the card, for rates from 1 to 1,000 a second and three values of commit_every
  fieldpost-bench throughput [-readings N] [-runs R] [-only NAME] [-profiles FOLDER] [-json]
                                   measures how many readings a second come from a driver to the gateway's disk, everything in between at work
  fieldpost-bench drain [-readings N] [-runs R] [-only NAME] [-profiles FOLDER] [-json]
                                   measures how fast a backlog is taken, and how fast it comes to the gateway's disk afterwards
  fieldpost-bench query [-days N] [-metrics N] [-asked N] [-dir FOLDER] [-profiles FOLDER] [-json]
                                   measures how long a gateway takes to answer from billions of readings
  fieldpost-bench nodes [-nodes N] [-seconds S] [-outage D] [-browsers B] [-coding CODING] [-send_every D] [-profiles FOLDER] [-json]
                                   measures one gateway with many nodes, at rest and when all come back at once
  fieldpost-bench page [-o FILE]   makes the six measurements above and writes docs/benchmarks.md of them
  fieldpost-bench edge -config FILE [-clock FILE] [-segment SIZE] [-room SIZE]
                                   an edge with a clock that can be stepped and with little room, for torture
  fieldpost-bench gateway -config FILE -profiles FOLDER
                                   a gateway that writes profiles when it is told to stop
  fieldpost-bench version
`

func main() {
	subs := []command.Sub{tortureCommand(), outageCommand(), edgeCommand(), gatewayCommand(), pageCommand()}
	for _, m := range measurements() {
		subs = append(subs, m.command())
	}
	command.Main(name, usage, subs...)
}
