import { nodeAccount } from "./account.ts";
import { type FleetNode, type PatternEvent, type Reading, type Scope, type Series, type StreamRecord, getEvents, getNodes, getSeries, getStanding, now } from "./api.ts";
import { Bins } from "./bins.ts";

const keptEvents = 500;
const rateOver = 10_000; // ms
const trendStep = 2000; // ms
export const trendLength = 3 * 60_000; // ms

export function seriesKey(s: { node: string; device: string; metric: string }): string {
  return `${s.node}/${s.device}/${s.metric}`;
}

function patternKey(e: PatternEvent): string {
  return `${e.node}/${e.device}/${e.pattern}`;
}

export function eventKey(e: PatternEvent): string {
  return `${e.node}/${e.epoch}/${e.lane}/${e.seq}`;
}

export function within(scope: Scope, x: { node: string; device: string }): boolean {
  return (scope.node === undefined || scope.node === x.node) && (scope.device === undefined || scope.device === x.device);
}

/** An event of a pattern from raised on; end is undefined while it lasts. */
export interface EventSpan {
  event: PatternEvent;
  end: number | undefined;
}

interface Look {
  at: number; // ms
  stored: number; // records
}

export interface Delivery {
  looks: Look[]; // the latest, oldest first
  arriving: Bins;
  missing: Bins;
}

/** What the page knows of the fleet. Views look at it when they are drawn. */
export class Model {
  nodes: FleetNode[] = [];
  events: PatternEvent[] = []; // newest first; those that stand are among them however old
  #known = new Set<string>(); // their keys
  readonly #series = new Map<string, Series>();
  #latest = new Map<string, PatternEvent>(); // of each pattern
  #devices = new Map<string, string[]>(); // by node
  #delivery = new Map<string, Delivery>(); // by node

  /** Loads what there is. What the stream brings while that is under way is newer and stays. */
  async load(): Promise<void> {
    const [nodes, series, events, standing] = await Promise.all([getNodes(), getSeries(), getEvents(keptEvents), getStanding()]);
    this.#setNodes(nodes);
    for (const s of series) this.#mergeSeries(s);
    for (const e of [...events, ...standing]) this.#addEvent(e);
    this.#sortEvents();
  }

  async refreshNodes(): Promise<void> {
    this.#setNodes(await getNodes());
  }

  /** Takes what the gateway says of the nodes, and notes what came since it said so before. */
  #setNodes(nodes: FleetNode[]): void {
    this.nodes = nodes;
    const at = now();
    for (const n of nodes) {
      const { stored, missing } = nodeAccount(n);
      const d = this.#delivery.get(n.node) ?? { looks: [], arriving: new Bins(trendStep), missing: new Bins(trendStep) };
      this.#delivery.set(n.node, d);
      d.missing.add(at, missing);
      d.looks.push({ at, stored });
      while (d.looks.length > 2 && (d.looks[0] as Look).at < at - rateOver) d.looks.shift();
      if (d.looks.length > 1) d.arriving.add(at, this.rate(n.node));
      d.arriving.trim(at - trendLength);
      d.missing.trim(at - trendLength);
    }
  }

  /** Records a second that arrived from node lately. */
  rate(node: string): number {
    const looks = this.#delivery.get(node)?.looks ?? [];
    const first = looks[0];
    const last = looks.at(-1);
    if (!first || !last || last.at <= first.at) return 0;
    return (1000 * Math.max(0, last.stored - first.stored)) / (last.at - first.at);
  }

  /** How many records a second arrived from node, and how many were missing, while this page was open. */
  delivery(node: string): Delivery | undefined {
    return this.#delivery.get(node);
  }

  apply(r: StreamRecord): void {
    if (r.kind === "event") {
      this.#addEvent(r);
      this.#sortEvents();
      return;
    }
    const s = this.#series.get(seriesKey(r));
    if (!s) {
      this.#setSeries({ ...r, type: typeOf(r), last: r });
      return;
    }
    if (!s.last || Date.parse(r.time) >= Date.parse(s.last.time)) {
      s.last = r;
      s.unit = r.unit;
    }
  }

  #mergeSeries(s: Series): void {
    const known = this.#series.get(seriesKey(s));
    if (known?.last && s.last && Date.parse(known.last.time) > Date.parse(s.last.time)) s.last = known.last;
    this.#setSeries(s);
  }

  #setSeries(s: Series): void {
    this.#series.set(seriesKey(s), s);
    const devices = this.#devices.get(s.node) ?? [];
    if (devices.includes(s.device)) return;
    this.#devices.set(s.node, [...devices, s.device].sort());
  }

  /** The devices of a node that have sent anything, by name. */
  devices(node: string): readonly string[] {
    return this.#devices.get(node) ?? [];
  }

  #addEvent(e: PatternEvent): void {
    if (this.#known.has(eventKey(e))) return;
    this.#known.add(eventKey(e));
    this.events.push(e);
    const latest = this.#latest.get(patternKey(e));
    if (!latest || newer(e, latest) > 0) this.#latest.set(patternKey(e), e);
  }

  #sortEvents(): void {
    this.events.sort((a, b) => newer(b, a));
    const kept = this.events.filter((e, i) => i < keptEvents || this.active(e));
    if (kept.length < this.events.length) this.#known = new Set(kept.map(eventKey));
    this.events = kept;
  }

  /** Whether e is raised and has not been cleared. */
  active(e: PatternEvent): boolean {
    return e.state === "raised" && this.#latest.get(patternKey(e)) === e;
  }

  raised(scope: Scope): PatternEvent[] {
    const all = [...this.#latest.values()].filter((e) => e.state === "raised" && within(scope, e));
    return all.sort((a, b) => newer(b, a));
  }

  /** From when to when patterns were raised, for shading. */
  spans(scope: Scope): EventSpan[] {
    const out: EventSpan[] = [];
    const cleared = new Map<string, number>();
    for (const e of this.events) {
      if (!within(scope, e)) continue;
      if (e.state === "cleared") {
        cleared.set(patternKey(e), Date.parse(e.time));
      } else {
        out.push({ event: e, end: cleared.get(patternKey(e)) });
        cleared.delete(patternKey(e));
      }
    }
    return out;
  }

  seriesIn(scope: Scope): Series[] {
    const all = [...this.#series.values()].filter((s) => within(scope, s));
    const own = (s: Series): number => (s.device === "node" ? 1 : 0); // the edge's own numbers come last
    return all.sort((a, b) => own(a) - own(b) || (seriesKey(a) < seriesKey(b) ? -1 : 1));
  }
}

function newer(a: PatternEvent, b: PatternEvent): number {
  return Date.parse(a.time) - Date.parse(b.time) || a.seq - b.seq;
}

function typeOf(r: Reading): Series["type"] {
  switch (typeof r.value) {
    case "boolean":
      return "bool";
    case "string":
      return /^(NaN|[+-]Inf)$/.test(r.value) ? "float" : "text";
    default:
      return "float";
  }
}
