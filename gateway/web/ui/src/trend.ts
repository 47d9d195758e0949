import { now } from "./api.ts";
import type { Bins } from "./bins.ts";
import { Chart } from "./chart.ts";
import { h, setText } from "./dom.ts";
import { trendLength } from "./model.ts";

/** A small line under a label: how a number went while this page was open. */
export class Trend {
  readonly root: HTMLElement;
  readonly #text = h("span", { class: "muted" });
  readonly #chart: Chart;

  constructor(label: string, height: number) {
    this.#chart = new Chart({ height, axes: false, steps: false, floor: 0 });
    this.#chart.root.setAttribute("role", "img");
    this.#chart.root.setAttribute("aria-label", `${label} over the last three minutes`);
    this.root = h("div", { class: "trend" }, h("span", { class: "muted" }, label), this.#text, this.#chart.root);
  }

  update(bins: Bins, says: string): void {
    const to = now();
    setText(this.#text, says);
    this.#chart.show(() => ({ columns: bins.columns(to).columns, gaps: [], events: [], from: to - trendLength, to }));
  }

  recolour(): void {
    this.#chart.recolour();
  }

  close(): void {
    this.#chart.destroy();
  }
}
