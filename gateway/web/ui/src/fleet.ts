import { type Account, lanesOf, nodeAccount, nothing } from "./account.ts";
import type { FleetNode, StreamRecord } from "./api.ts";
import { Keyed, h, setChildren, setClass, setText } from "./dom.ts";
import { EventList } from "./eventlist.ts";
import { ago, count, title } from "./format.ts";
import { LaneBar } from "./lanebar.ts";
import type { Model } from "./model.ts";
import { Trend } from "./trend.ts";
import { type View, deviceLink, nodeLink } from "./view.ts";

/** From so many nodes on there is a search box. */
const many = 9;

class Card {
  readonly root: HTMLElement;
  readonly #state = h("span", { class: "pill" });
  readonly #seen = h("span", { class: "muted" });
  readonly #rate = h("b");
  readonly #numbers: Record<keyof Account, HTMLElement> = { stored: h("b"), missing: h("b"), held: h("b"), lost: h("b") };
  readonly #bars = new Keyed<LaneBar>();
  readonly #lanes = h("div", { class: "lanes" });
  readonly #devices = h("div", { class: "devices" });
  readonly #links = new Keyed<{ root: HTMLElement }>();
  readonly #arriving = new Trend("arriving", 30);
  readonly #raised = h("div", { class: "raised" });

  constructor(private readonly node: string) {
    const number = (name: string, e: HTMLElement): HTMLElement => h("div", {}, h("dt", {}, name), h("dd", {}, e));
    this.root = h(
      "article",
      { class: "card" },
      h("header", {}, h("h3", {}, h("a", { href: nodeLink(node) }, node)), this.#state),
      this.#seen,
      this.#raised,
      h(
        "dl",
        { class: "numbers" },
        number("records/s", this.#rate),
        number("stored", this.#numbers.stored),
        number("missing", this.#numbers.missing),
        number("held", this.#numbers.held),
        number("lost", this.#numbers.lost),
      ),
      this.#arriving.root,
      this.#lanes,
      this.#devices,
    );
  }

  update(n: FleetNode, model: Model): void {
    const labels = Object.entries(n.labels).map(([k, v]) => `${k} ${v}`);
    setClass(this.root, n.online ? "card" : "card offline");
    setClass(this.#state, n.online ? "pill good" : "pill critical");
    setText(this.#state, n.online ? "online" : "offline");
    // What a node gathers while it is away nobody knows here: it says so when it comes back.
    const seen = n.online ? `seen ${ago(n.last_seen)}` : `seen ${ago(n.last_seen)}; the numbers are of then`;
    setText(this.#seen, [seen, ...labels].join(" · "));
    setText(this.#rate, model.rate(n.node).toFixed(1));
    const delivery = model.delivery(n.node);
    if (delivery) this.#arriving.update(delivery.arriving, "");
    const account = nodeAccount(n);
    for (const key of ["stored", "missing", "held", "lost"] as const) {
      setText(this.#numbers[key], count(account[key]));
      setClass(this.#numbers[key], account[key] > 0 && key !== "stored" ? key : "");
    }
    const raised = model.raised({ node: this.node });
    setChildren(
      this.#raised,
      raised.slice(0, 3).map((e) => h("span", { class: `badge ${e.severity}` }, e.message === "" ? e.pattern : e.message)),
    );
    const bars = [...lanesOf(n)].map(([lane, a]) => {
      const bar = this.#bars.get(lane, () => new LaneBar(lane));
      bar.update(a);
      return bar.root;
    });
    setChildren(this.#lanes, bars);
    const links = model.devices(this.node).map((d) => this.#links.get(d, () => ({ root: h("a", { href: deviceLink(this.node, d) }, title(d)) })).root);
    setChildren(this.#devices, links);
  }

  recolour(): void {
    this.#arriving.recolour();
  }

  close(): void {
    this.#arriving.close();
  }
}

/** All nodes, and what happened lately. */
export class FleetView implements View {
  readonly root: HTMLElement;
  readonly title = "Fleet";
  readonly #summary = h("p", { class: "summary" });
  readonly #search = h("input", { type: "search", placeholder: "Find a node", "aria-label": "Find a node" });
  readonly #grid = h("div", { class: "cards" });
  readonly #empty = h(
    "div",
    { class: "panel" },
    h("h2", {}, "No node has been heard yet"),
    h("p", {}, "Point an edge's link at this gateway's broker; it appears here with its first hello."),
  );
  readonly #cards = new Keyed<Card>();
  readonly #events: EventList;

  constructor(private readonly model: Model) {
    this.#events = new EventList(model, {});
    this.#search.addEventListener("input", () => this.update());
    this.root = h(
      "div",
      { class: "fleet" },
      h("div", { class: "head" }, h("h1", {}, "Fleet"), this.#summary, this.#search),
      h("div", { class: "columns" }, h("div", {}, this.#empty, this.#grid), this.#events.root),
    );
  }

  record(_: StreamRecord): void {
    // The model has it.
  }

  update(): void {
    const { nodes } = this.model;
    const total = nothing();
    let rate = 0;
    for (const n of nodes) {
      const a = nodeAccount(n);
      for (const key of ["stored", "missing", "held", "lost"] as const) total[key] += a[key];
      rate += this.model.rate(n.node);
    }
    const online = nodes.filter((n) => n.online).length;
    const raised = this.model.raised({}).length;
    setText(
      this.#summary,
      `${online} of ${nodes.length} online · ${rate.toFixed(1)} records/s · ${count(total.missing)} missing · ${count(total.lost)} lost · ${raised} raised`,
    );
    this.#search.hidden = nodes.length < many;
    this.#empty.hidden = nodes.length > 0;
    const wanted = this.#search.value.trim().toLowerCase();
    const found = nodes.filter((n) => n.node.includes(wanted));
    const cards = found.map((n) => {
      const card = this.#cards.get(n.node, () => new Card(n.node));
      card.update(n, this.model);
      return card.root;
    });
    setChildren(this.#grid, cards);
    this.#events.update();
  }

  recolour(): void {
    for (const c of this.#cards.values()) c.recolour();
  }

  close(): void {
    for (const c of this.#cards.values()) c.close();
    this.root.remove();
  }
}
