import type { PatternEvent, Scope } from "./api.ts";
import { Keyed, h, setChildren, setClass, setText } from "./dom.ts";
import { ago, clock, length, title } from "./format.ts";
import { type Model, eventKey, within } from "./model.ts";
import { now } from "./api.ts";
import { deviceLink } from "./view.ts";

const shown = 50;

class Row {
  readonly root = h("li", { class: "event" });
  readonly #state = h("span", { class: "badge" });
  readonly #age = h("span");

  constructor(private readonly event: PatternEvent) {
    const at = Date.parse(event.time);
    this.root.append(
      this.#state,
      h(
        "div",
        { class: "what" },
        h("span", { class: "message" }, event.message === "" ? title(event.pattern) : event.message),
        h(
          "span",
          { class: "muted" },
          h("a", { href: deviceLink(event.node, event.device) }, `${event.node} / ${title(event.device)}`),
          ` · ${title(event.pattern)}, ${event.severity}`,
        ),
        h("span", { class: "muted" }, h("time", { datetime: event.time }, clock(at)), " · ", this.#age),
      ),
    );
  }

  update(active: boolean): void {
    const { event } = this;
    setClass(this.root, active ? `event active ${event.severity}` : "event");
    setClass(this.#state, active ? `badge ${event.severity}` : "badge");
    setText(this.#state, event.state);
    setText(this.#age, active ? `for ${length(now() - Date.parse(event.time))}` : ago(event.time));
  }
}

/** The events of a scope, newest first; those that last are marked. */
export class EventList {
  readonly root: HTMLElement;
  readonly #list = h("ol", { class: "events" });
  readonly #none = h("p", { class: "muted none" }, "No events. Patterns in a device's file raise them.");
  readonly #rows = new Keyed<Row>();

  constructor(
    private readonly model: Model,
    private readonly scope: Scope,
  ) {
    this.root = h("section", { class: "panel", "aria-label": "Events" }, h("h2", {}, "Events"), this.#none, this.#list);
  }

  update(): void {
    const raised = this.model.raised(this.scope);
    const lasting = new Set(raised);
    const rest = this.model.events.filter((e) => within(this.scope, e) && !lasting.has(e));
    const all = [...raised, ...rest].slice(0, Math.max(shown, raised.length));
    this.#none.hidden = all.length > 0;
    const rows = all.map((e) => {
      const row = this.#rows.get(eventKey(e), () => new Row(e));
      row.update(lasting.has(e));
      return row.root;
    });
    setChildren(this.#list, rows);
    this.#rows.keep(new Set(all.map(eventKey)));
  }
}
