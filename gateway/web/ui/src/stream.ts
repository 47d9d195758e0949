import { type Scope, type StreamRecord, query } from "./api.ts";

export type Connection = "connecting" | "live" | "broken";

const firstWait = 1000;
const longestWait = 15_000;
/** After a longer break than this the page loads afresh: the records in between may be many. */
const longestBreak = 60_000;

export interface Listener {
  record(r: StreamRecord): void;
  state(s: Connection): void;
  /** What was missed is too much to be made up by the stream. */
  stale(): void;
}

/** Follows /v1/stream and comes back after a break where it was. */
export class Stream {
  #socket: WebSocket | undefined;
  #timer: number | undefined;
  #position: number | undefined;
  #brokenAt: number | undefined;
  #wait = firstWait;
  #closed = false;

  constructor(
    private readonly scope: Scope,
    private readonly to: Listener,
  ) {
    this.#open();
  }

  close(): void {
    this.#closed = true;
    window.clearTimeout(this.#timer);
    this.#socket?.close();
  }

  #open(): void {
    this.to.state("connecting");
    const url = new URL(query("/v1/stream", { ...this.scope, after: this.#position }), location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.onopen = () => {
      this.#wait = firstWait;
      if (this.#brokenAt !== undefined && this.#position === undefined) this.to.stale();
      this.#brokenAt = undefined;
      this.to.state("live");
    };
    socket.onmessage = (m: MessageEvent<string>) => {
      const r = JSON.parse(m.data) as StreamRecord;
      this.#position = r.position;
      this.to.record(r);
    };
    socket.onclose = () => {
      if (!this.#closed) this.#retry();
    };
  }

  #retry(): void {
    this.to.state("broken");
    this.#brokenAt ??= Date.now();
    this.#timer = window.setTimeout(() => {
      if (Date.now() - (this.#brokenAt ?? 0) > longestBreak) this.#position = undefined;
      this.#open();
    }, this.#wait);
    this.#wait = Math.min(2 * this.#wait, longestWait);
  }
}
