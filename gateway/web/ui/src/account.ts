import type { FleetNode, Lane, LaneName } from "./api.ts";

/** How many records of a lane or a node are where. */
export interface Account {
  stored: number;
  missing: number;
  held: number;
  lost: number;
}

const size = (from: number, to: number): number => to - from + 1;

function accountOf(lane: Lane): Account {
  return {
    stored: lane.stored,
    missing: lane.missing.reduce((n, [a, b]) => n + size(a, b), 0),
    held: lane.held.reduce((n, [a, b]) => n + size(a, b), 0),
    lost: lane.lost.reduce((n, l) => n + size(l.from, l.to), 0),
  };
}

function add(to: Account, a: Account): void {
  to.stored += a.stored;
  to.missing += a.missing;
  to.held += a.held;
  to.lost += a.lost;
}

/** A node's lanes, the epochs of each together, in order of urgency. */
export function lanesOf(node: FleetNode): Map<LaneName, Account> {
  const all = new Map<LaneName, Account>();
  for (const name of ["alarm", "live", "bulk", "archive"] as const) {
    const lanes = node.lanes.filter((l) => l.lane === name);
    if (lanes.length === 0) continue;
    const sum = nothing();
    for (const l of lanes) add(sum, accountOf(l));
    all.set(name, sum);
  }
  return all;
}

export function nodeAccount(node: FleetNode): Account {
  const sum = nothing();
  for (const l of node.lanes) add(sum, accountOf(l));
  return sum;
}

export function nothing(): Account {
  return { stored: 0, missing: 0, held: 0, lost: 0 };
}

/** Why records were lost, with how many for each reason. */
export function losses(node: FleetNode): Map<string, number> {
  const all = new Map<string, number>();
  for (const lane of node.lanes) {
    for (const l of lane.lost) all.set(l.reason, (all.get(l.reason) ?? 0) + size(l.from, l.to));
  }
  return all;
}
