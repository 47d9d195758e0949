import { type Value, now } from "./api.ts";

/** Units as people write them; the wire has SenML and UCUM codes. */
const unitSigns: Record<string, string> = {
  Cel: "°C",
  "[degF]": "°F",
  deg: "°",
  Ohm: "Ω",
  "%RH": "% RH",
  "m/s2": "m/s²",
  "m/s^2": "m/s²",
  m2: "m²",
  m3: "m³",
  "W/m2": "W/m²",
  "1/min": "rpm",
  lat: "° lat",
  lon: "° lon",
  um: "µm",
  us: "µs",
  count: "",
  uS: "µS",
};

function unitSign(unit: string): string {
  return unitSigns[unit] ?? unit;
}

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const digits = [4, 4, 3, 2, 2, 1, 0].map((maximumFractionDigits) => new Intl.NumberFormat("en", { maximumFractionDigits }));

export function count(n: number): string {
  if (n < 100_000) return grouped.format(n);
  if (n < 10_000_000) return `${(n / 1000).toFixed(0)}k`;
  return `${(n / 1_000_000).toFixed(1)}M`;
}

/** About five digits, the fewer after the point the more before it. */
export function value(v: Value, type?: string): string {
  if (typeof v === "boolean") return v ? "on" : "off";
  if (typeof v === "string") return v;
  if (type === "integer") return grouped.format(v);
  const size = Math.abs(v);
  if (size !== 0 && (size < 0.001 || size >= 1e9)) return v.toExponential(3);
  const before = size < 1 ? 0 : Math.floor(Math.log10(size)) + 1;
  return (digits[Math.min(before, digits.length - 1)] as Intl.NumberFormat).format(v);
}

const bytes = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A value with its unit as people write it. */
export function quantity(v: Value, s: { unit: string; type: string }): [value: string, unit: string] {
  if (s.unit !== "B" || typeof v !== "number") return [value(v, s.type), unitSign(s.unit)];
  const power = Math.min(bytes.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, Math.abs(v))) / 10)));
  return [value(v / 1024 ** power), bytes[power] as string];
}

/** A length of time in its largest unit, two where that says more. */
export function length(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  const m = Math.floor(s / 60);
  if (m < 60) return `${m} min`;
  const hours = Math.floor(m / 60);
  if (hours < 48) return `${hours} h ${m % 60} min`;
  return `${Math.floor(hours / 24)} d`;
}

export function ago(time: string | null): string {
  if (time === null) return "never";
  const ms = now() - Date.parse(time);
  return ms < 1500 ? "now" : `${length(ms)} ago`;
}

const two = (n: number): string => String(n).padStart(2, "0");

/** Local time, with the day unless it is today. */
export function clock(ms: number): string {
  const d = new Date(ms);
  const at = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  return d.toDateString() === new Date(now()).toDateString() ? at : `${day.format(d)} ${at}`;
}

const day = new Intl.DateTimeFormat("en", { day: "numeric", month: "short" });

/** A label of the time axis, given the distance between two in seconds. */
export function axisTime(seconds: number, distance: number): string {
  const d = new Date(seconds * 1000);
  if (distance >= 86_400) return day.format(d);
  const at = `${two(d.getHours())}:${two(d.getMinutes())}`;
  return distance >= 60 ? at : `${at}:${two(d.getSeconds())}`;
}

export function title(name: string): string {
  return name.replaceAll("_", " ");
}
