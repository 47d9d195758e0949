import { type Series, now } from "./api.ts";
import { Chart } from "./chart.ts";
import { h, setClass, setText } from "./dom.ts";
import { ago, clock, quantity, title, value } from "./format.ts";
import type { History } from "./history.ts";
import type { EventSpan } from "./model.ts";

/** One metric: its last value, how old that is, and its line. Large on a device's page, small on a node's. */
export class Tile {
  readonly root: HTMLElement;
  readonly #value = h("b", { class: "value" });
  readonly #unit = h("span", { class: "unit" });
  readonly #age = h("span", { class: "muted age" });
  readonly #reading = h("span", { class: "muted reading" });
  readonly #chart: Chart | undefined;
  #drawn: ReturnType<ReturnType<History["bins"]>["columns"]>["columns"] | undefined;

  constructor(
    series: Series,
    private readonly large: boolean,
    link?: string,
  ) {
    const name = title(series.metric);
    const heading = link === undefined ? h("h3", {}, name) : h("h3", {}, h("a", { href: link }, name));
    const last = h("p", { class: "last" }, this.#value, " ", this.#unit);
    const head = large ? h("header", {}, heading, last, this.#age, this.#reading) : h("header", {}, heading, this.#age);
    this.root = h("article", { class: large ? "tile large" : "tile" }, head, large ? undefined : last);
    if (series.type !== "text") {
      this.#chart = new Chart({
        height: large ? 190 : 44,
        axes: large,
        steps: series.type === "bool",
        ...(large ? { cursor: (i: number | undefined) => this.#readAt(i) } : {}),
      });
      this.#chart.root.setAttribute("role", "img");
      this.root.append(this.#chart.root);
    }
  }

  update(series: Series, history: History, events: EventSpan[], online: boolean): void {
    const bins = history.bins(series);
    const to = now();
    const { last } = series;
    const [text, unit] = last ? quantity(last.value, series) : ["–", ""];
    setText(this.#value, text);
    setText(this.#unit, unit);
    setText(this.#age, last ? ago(last.time) : "never");
    const stale = !last || !online || to - Date.parse(last.time) > Math.max(3 * bins.patience, 15_000);
    const doubt = last && last.quality !== "good" ? last.quality : "";
    setClass(this.root, ["tile", this.large ? "large" : "", stale ? "stale" : "", doubt].filter(Boolean).join(" "));
    if (!this.#chart || !history.loaded) return;
    this.#chart.show(() => {
      const { columns, gaps } = bins.columns(to, online);
      this.#drawn = columns;
      return { columns, gaps, events, from: to - history.span.length, to };
    });
    this.#chart.root.setAttribute("aria-label", `${title(series.metric)} over ${history.span.says}; last ${text} ${unit}`);
  }

  recolour(): void {
    this.#chart?.recolour();
  }

  close(): void {
    this.#chart?.destroy();
  }

  /** Says what stands under the cursor. */
  #readAt(index: number | undefined): void {
    const [x, greatest, least, mean] = this.#drawn ?? [];
    const at = index === undefined ? undefined : x?.[index];
    const middle = index === undefined ? undefined : mean?.[index];
    if (at === undefined || index === undefined || middle === undefined || middle === null) {
      setText(this.#reading, "");
      return;
    }
    const low = least?.[index] ?? middle;
    const high = greatest?.[index] ?? middle;
    const range = low === high ? "" : ` (${value(low)} to ${value(high)})`;
    setText(this.#reading, `${clock(at * 1000)}  ${value(middle)}${range}`);
  }
}
