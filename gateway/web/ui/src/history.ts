import { type Reading, type Scope, type Series, getBuckets, now } from "./api.ts";
import { Bins } from "./bins.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** The spans to choose from; each comes to at most about 400 steps. */
export const spans = [
  { name: "5m", says: "5 minutes", length: 5 * minute, step: second },
  { name: "30m", says: "30 minutes", length: 30 * minute, step: 5 * second },
  { name: "3h", says: "3 hours", length: 3 * hour, step: 30 * second },
  { name: "24h", says: "24 hours", length: 24 * hour, step: 4 * minute },
  { name: "7d", says: "7 days", length: 7 * 24 * hour, step: 30 * minute },
] as const;

export type Span = (typeof spans)[number];

export function spanNamed(name: string | null): Span {
  return spans.find((s) => s.name === name) ?? spans[0];
}

function metricKey(s: { device: string; metric: string }): string {
  return `${s.device}/${s.metric}`;
}

/** The recent past of all metrics in a scope: what the gateway has, then what the stream brings. */
export class History {
  readonly #metrics = new Map<string, Bins>();
  readonly #abort = new AbortController();
  #loaded = false;
  #early: Reading[] = []; // came while the past was being fetched

  constructor(
    private readonly scope: Scope,
    readonly span: Span,
  ) {}

  async load(): Promise<void> {
    const buckets = await getBuckets(this.scope, now() - this.span.length, this.span.step, this.#abort.signal);
    for (const b of buckets) this.#of(b).addBucket(b);
    this.#loaded = true;
    for (const r of this.#early) {
      // The last bucket may hold it already.
      if (Date.parse(r.time) >= (this.#of(r).last ?? 0) + this.span.step) this.add(r);
    }
    this.#early = [];
  }

  get loaded(): boolean {
    return this.#loaded;
  }

  close(): void {
    this.#abort.abort();
  }

  add(r: Reading): void {
    if (r.quality === "bad") return;
    if (!this.#loaded) {
      this.#early.push(r);
      return;
    }
    this.#of(r).add(Date.parse(r.time), r.value);
  }

  bins(s: Series): Bins {
    const bins = this.#of(s);
    bins.trim(now() - this.span.length - this.span.step);
    return bins;
  }

  #of(s: { device: string; metric: string }): Bins {
    let bins = this.#metrics.get(metricKey(s));
    if (!bins) {
      bins = new Bins(this.span.step);
      this.#metrics.set(metricKey(s), bins);
    }
    return bins;
  }
}
