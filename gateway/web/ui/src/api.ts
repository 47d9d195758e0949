// The gateway's HTTP interface, as far as this page uses it.

export type Value = number | boolean | string;
export type LaneName = "alarm" | "live" | "bulk" | "archive";
export type Severity = "info" | "warning" | "critical";
export type Quality = "good" | "uncertain" | "bad";
type Range = [from: number, to: number];

export interface Lane {
  lane: LaneName;
  epoch: string;
  stored: number;
  missing: Range[];
  held: Range[];
  lost: { from: number; to: number; reason: string; time: string | null }[];
}

export interface FleetNode {
  node: string;
  online: boolean;
  last_seen: string | null;
  labels: Record<string, string>;
  lanes: Lane[];
}

export interface Series {
  node: string;
  device: string;
  metric: string;
  unit: string;
  type: "float" | "integer" | "bool" | "text";
  last: { time: string; value: Value; quality: Quality } | null;
}

export interface Reading {
  node: string;
  device: string;
  metric: string;
  time: string;
  value: Value;
  unit: string;
  quality: Quality;
}

export interface PatternEvent {
  node: string;
  device: string;
  pattern: string;
  state: "raised" | "cleared";
  severity: Severity;
  time: string;
  message: string;
  lane: LaneName;
  epoch: string;
  seq: number;
}

/** One span of /v1/readings?step=; null and strings ("NaN", "+Inf") stand where there is no finite number. */
export interface Bucket {
  device: string;
  metric: string;
  time: string;
  min: number | string | null;
  max: number | string | null;
  mean: number | string | null;
  count: number;
}

export type StreamRecord = { position: number } & (({ kind: "reading" } & Reading) | ({ kind: "event" } & PatternEvent));

export interface Scope {
  node?: string;
  device?: string;
}

/** What the gateway's clock is ahead of this machine's, in ms; the charts' right edge is the gateway's now. */
let ahead = 0;

export function now(): number {
  return Date.now() + ahead;
}

export function query(path: string, params: Record<string, string | number | undefined>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined) search.set(name, String(value));
  }
  const text = search.toString();
  return text === "" ? path : `${path}?${text}`;
}

async function get<T>(url: string, signal?: AbortSignal): Promise<T> {
  const answer = await fetch(url, signal ? { signal } : {});
  if (!answer.ok) {
    const said = (await answer.json().catch(() => ({}))) as { error?: string };
    throw new Error(said.error ?? `${answer.status} ${answer.statusText}`);
  }
  const date = Date.parse(answer.headers.get("Date") ?? "");
  if (!Number.isNaN(date)) {
    const off = date - Date.now();
    ahead = Math.abs(off) > 2000 ? off : 0; // the header counts whole seconds
  }
  return (await answer.json()) as T;
}

export function getNodes(): Promise<FleetNode[]> {
  return get("/v1/nodes");
}

export function getSeries(): Promise<Series[]> {
  return get("/v1/series");
}

/** The newest events of all nodes, newest first. */
export function getEvents(limit: number): Promise<PatternEvent[]> {
  return get(query("/v1/events", { order: "desc", limit }));
}

/** The events that are raised and not cleared, however old. */
export function getStanding(): Promise<PatternEvent[]> {
  return get(query("/v1/events", { state: "standing", limit: 10_000 }));
}

/** Buckets of step ms for all metrics in scope since from (ms). */
export function getBuckets(scope: Scope, from: number, step: number, signal: AbortSignal): Promise<Bucket[]> {
  const start = Math.floor(from / step) * step; // whole buckets only
  return get(query("/v1/readings", { ...scope, from: new Date(start).toISOString(), step: `${step}ms`, limit: 100_000 }), signal);
}
