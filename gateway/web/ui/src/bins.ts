import { type Bucket, type Value } from "./api.ts";

interface Bin {
  start: number; // ms, a multiple of the step since 1970, as the gateway cuts them
  min: number;
  max: number;
  sum: number;
  count: number;
}

/** What uPlot draws: seconds, greatest, least and mean; null breaks the line. */
export type Columns = [x: number[], max: (number | null)[], min: (number | null)[], mean: (number | null)[]];

/** A span without data, in ms. */
export type Gap = [from: number, to: number];

/** From so many distances on they tell what is usual. */
const fewest = 8;

/** One metric's recent past in steps: the gateway's buckets, and the readings that came since. */
export class Bins {
  #bins: Bin[] = [];

  constructor(readonly step: number) {}

  get last(): number | undefined {
    return this.#bins.at(-1)?.start;
  }

  get newest(): number | undefined {
    return this.#bins.at(-1)?.max;
  }

  get greatest(): number {
    return this.#bins.reduce((most, b) => Math.max(most, b.max), Number.NEGATIVE_INFINITY);
  }

  addBucket(b: Bucket): void {
    if (typeof b.min !== "number" || typeof b.max !== "number" || typeof b.mean !== "number") return;
    const bin = this.#at(Date.parse(b.time));
    bin.min = Math.min(bin.min, b.min);
    bin.max = Math.max(bin.max, b.max);
    bin.sum += b.mean * b.count;
    bin.count += b.count;
  }

  add(time: number, value: Value): void {
    const n = Number(value); // true is 1, as the gateway counts it
    if (typeof value === "string" || !Number.isFinite(n)) return;
    const bin = this.#at(Math.floor(time / this.step) * this.step);
    bin.min = Math.min(bin.min, n);
    bin.max = Math.max(bin.max, n);
    bin.sum += n;
    bin.count++;
  }

  /** Forgets what lies before from (ms). */
  trim(from: number): void {
    const keep = this.#bins.findIndex((b) => b.start >= from);
    if (keep !== 0) this.#bins.splice(0, keep < 0 ? this.#bins.length : keep);
  }

  /** The bin that begins at start, made where it belongs: late readings come at any place. */
  #at(start: number): Bin {
    let low = 0;
    let high = this.#bins.length;
    if ((this.last ?? Number.NEGATIVE_INFINITY) < start) low = high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#bins[middle] as Bin).start < start) low = middle + 1;
      else high = middle;
    }
    const found = this.#bins[low];
    if (found?.start === start) return found;
    const bin = { start, min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY, sum: 0, count: 0 };
    this.#bins.splice(low, 0, bin);
    return bin;
  }

  /**
   * How far apart two readings may be before there is a gap between them, in ms: three times what nine of ten keep to. A metric
   * that is sent when it changes has no such measure until it has come a few times.
   */
  get patience(): number {
    const apart: number[] = [];
    for (let i = 1; i < this.#bins.length; i++) apart.push((this.#bins[i] as Bin).start - (this.#bins[i - 1] as Bin).start);
    apart.sort((a, b) => a - b);
    if (apart.length < fewest) return Number.POSITIVE_INFINITY;
    return Math.max(3 * (apart[Math.floor(apart.length * 0.9)] ?? 0), 3 * this.step, 5000);
  }

  /** The columns to draw, and the gaps up to now (ms). What is silent is a gap up to now, too; expected says whether anything could come. */
  columns(now: number, expected = true): { columns: Columns; gaps: Gap[] } {
    const columns: Columns = [[], [], [], []];
    const gaps: Gap[] = [];
    const patience = this.patience;
    let before: number | undefined;
    for (const b of this.#bins) {
      if (before !== undefined && b.start - before > patience) {
        gaps.push([before + this.step, b.start]);
        columns[0].push((before + this.step) / 1000);
        for (const c of columns.slice(1)) (c as (number | null)[]).push(null);
      }
      columns[0].push(b.start / 1000);
      columns[1].push(b.max);
      columns[2].push(b.min);
      columns[3].push(b.sum / b.count);
      before = b.start;
    }
    if (before !== undefined && (now - before > patience || (!expected && now - before > 3 * this.step))) gaps.push([before + this.step, now]);
    return { columns, gaps };
  }
}
