import { lanesOf, losses } from "./account.ts";
import type { Scope, Series, StreamRecord } from "./api.ts";
import { Keyed, h, setChildren, setClass, setText } from "./dom.ts";
import { EventList } from "./eventlist.ts";
import { ago, count, title } from "./format.ts";
import { History, type Span } from "./history.ts";
import { LaneBar } from "./lanebar.ts";
import { type Model, seriesKey, within } from "./model.ts";
import { spanPicker } from "./spanpicker.ts";
import { Tile } from "./tile.ts";
import { Trend } from "./trend.ts";
import { type View, deviceLink } from "./view.ts";

interface Group {
  root: HTMLElement;
  tiles: HTMLElement;
}

/** A node with all its devices, or one device: tiles and charts of their metrics. */
export class MetricsView implements View {
  readonly root: HTMLElement;
  readonly title: string;
  readonly #state = h("span", { class: "pill" });
  readonly #facts = h("p", { class: "summary" });
  readonly #trouble = h("p", { class: "trouble", role: "alert" });
  readonly #groups = h("div", { class: "groups" });
  readonly #lanes = h("div", { class: "lanes" });
  readonly #bars = new Keyed<LaneBar>();
  readonly #devices = new Keyed<Group>();
  readonly #tiles = new Map<string, Tile>();
  readonly #events: EventList;
  readonly #arriving = new Trend("records/s arriving", 44);
  readonly #missing = new Trend("missing", 44);
  #history: History;
  #online = false;

  constructor(
    private readonly model: Model,
    private readonly scope: Scope & { node: string },
    span: Span,
    spanChosen: (s: Span) => void,
  ) {
    this.title = scope.device === undefined ? scope.node : `${title(scope.device)} on ${scope.node}`;
    this.#events = new EventList(model, scope);
    this.#history = this.#load(span);
    const picker = spanPicker(span, (s) => {
      this.#history.close();
      this.#history = this.#load(s);
      spanChosen(s);
    });
    this.root = h(
      "div",
      { class: "metrics" },
      h("div", { class: "head" }, h("h1", {}, scope.device === undefined ? scope.node : title(scope.device)), this.#state, this.#facts, picker),
      this.#trouble,
      h(
        "div",
        { class: "columns" },
        this.#groups,
        h("div", { class: "side" }, h("section", { class: "panel", "aria-label": "Delivery" }, h("h2", {}, "Delivery"), this.#lanes, this.#arriving.root, this.#missing.root), this.#events.root),
      ),
    );
  }

  record(r: StreamRecord): void {
    if (r.kind === "reading" && within(this.scope, r)) this.#history.add(r);
  }

  update(): void {
    this.#updateNode();
    const all = this.model.seriesIn(this.scope);
    const spans = this.model.spans(this.scope);
    const devices = new Map<string, Series[]>();
    for (const s of all) devices.set(s.device, [...(devices.get(s.device) ?? []), s]);
    const groups = [...devices].map(([device, series]) => {
      const group = this.#devices.get(device, () => this.#group(device));
      const events = spans.filter((s) => s.event.device === device);
      setChildren(group.tiles, series.map((s) => this.#tile(s, events)));
      return group.root;
    });
    setChildren(this.#groups, groups);
    this.#events.update();
    const delivery = this.model.delivery(this.scope.node);
    this.#missing.root.hidden = !delivery || delivery.missing.greatest <= 0;
    if (!delivery) return;
    this.#arriving.update(delivery.arriving, this.model.rate(this.scope.node).toFixed(1));
    this.#missing.update(delivery.missing, count(delivery.missing.newest ?? 0));
  }

  recolour(): void {
    for (const t of this.#tiles.values()) t.recolour();
    this.#arriving.recolour();
    this.#missing.recolour();
  }

  close(): void {
    this.#history.close();
    for (const t of this.#tiles.values()) t.close();
    this.#arriving.close();
    this.#missing.close();
    this.root.remove();
  }

  #load(span: Span): History {
    const history = new History(this.scope, span);
    setText(this.#trouble, "");
    history.load().then(
      () => {
        if (history === this.#history) this.update();
      },
      (err: unknown) => {
        if (history === this.#history) setText(this.#trouble, `The past could not be loaded: ${String(err)}`);
      },
    );
    return history;
  }

  #updateNode(): void {
    const node = this.model.nodes.find((n) => n.node === this.scope.node);
    this.#online = node?.online ?? false;
    if (!node) {
      setText(this.#facts, "This node is not known here.");
      return;
    }
    setClass(this.#state, node.online ? "pill good" : "pill critical");
    setText(this.#state, node.online ? "online" : "offline");
    const labels = Object.entries(node.labels).map(([k, v]) => `${k} ${v}`);
    const facts = [`seen ${ago(node.last_seen)}`, `${this.model.rate(node.node).toFixed(1)} records/s`, ...labels];
    if (this.scope.device !== undefined) facts.unshift(`on ${node.node}`);
    for (const [reason, n] of losses(node)) facts.push(`${count(n)} lost: ${reason}`);
    setText(this.#facts, facts.join(" · "));
    const bars = [...lanesOf(node)].map(([lane, a]) => {
      const bar = this.#bars.get(lane, () => new LaneBar(lane));
      bar.update(a);
      return bar.root;
    });
    setChildren(this.#lanes, bars);
  }

  #group(device: string): Group {
    const tiles = h("div", { class: this.scope.device === undefined ? "tiles" : "tiles wide" });
    if (this.scope.device !== undefined) return { root: tiles, tiles };
    const heading = h("h2", {}, h("a", { href: deviceLink(this.scope.node, device) }, title(device)));
    return { root: h("section", { class: "device" }, heading, tiles), tiles };
  }

  #tile(s: Series, events: Parameters<Tile["update"]>[2]): HTMLElement {
    const key = seriesKey(s);
    let tile = this.#tiles.get(key);
    if (!tile) {
      const large = this.scope.device !== undefined;
      tile = new Tile(s, large, large ? undefined : deviceLink(s.node, s.device));
      this.#tiles.set(key, tile);
    }
    tile.update(s, this.#history, events, this.#online);
    return tile.root;
  }
}
