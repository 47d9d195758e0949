import type { Account } from "./account.ts";
import { h, setStyle, setText } from "./dom.ts";
import { count } from "./format.ts";

const parts = ["stored", "missing", "held", "lost"] as const;

/** A lane as a bar: how much of what was issued is here, and what became of the rest. */
export class LaneBar {
  readonly root: HTMLElement;
  readonly #text = h("span", { class: "muted" });
  readonly #parts = parts.map((p) => h("span", { class: p }));

  constructor(name: string) {
    const bar = h("span", { class: "bar", "aria-hidden": "true" }, ...this.#parts);
    this.root = h("div", { class: "lane" }, h("span", { class: "name" }, name), bar, this.#text);
  }

  update(a: Account): void {
    const all = a.stored + a.missing + a.held + a.lost;
    parts.forEach((p, i) => {
      const e = this.#parts[i] as HTMLElement;
      setStyle(e, "flex-grow", all === 0 ? "0" : String(Math.round((1000 * a[p]) / all) / 1000));
      // Whatever is missing must be seen, however small a part it is.
      setStyle(e, "min-width", a[p] > 0 && p !== "stored" ? "4px" : "0px");
    });
    const rest = parts.slice(1).filter((p) => a[p] > 0).map((p) => `${count(a[p])} ${p}`);
    setText(this.#text, rest.length > 0 ? rest.join(", ") : a.stored > 0 ? "complete" : "nothing yet");
  }
}
