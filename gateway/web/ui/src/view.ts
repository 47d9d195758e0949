import type { StreamRecord } from "./api.ts";

/** One page. It is drawn whole when made, then kept up to date in place. */
export interface View {
  readonly root: HTMLElement;
  readonly title: string;
  /** Takes a record of the stream; nothing is drawn yet. */
  record(r: StreamRecord): void;
  /** Draws what has changed: at most a few times a second, and once a second for ages. */
  update(): void;
  /** Takes the page's colours anew. */
  recolour(): void;
  close(): void;
}

export function nodeLink(node: string): string {
  return `#/${encodeURIComponent(node)}`;
}

export function deviceLink(node: string, device: string): string {
  return `${nodeLink(node)}/${encodeURIComponent(device)}`;
}
