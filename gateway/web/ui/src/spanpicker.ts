import { h } from "./dom.ts";
import { type Span, spans } from "./history.ts";

/** A row of radio buttons: arrow keys move between them. */
export function spanPicker(chosen: Span, choose: (s: Span) => void): HTMLElement {
  const buttons = spans.map((s) => {
    const input = h("input", { type: "radio", name: "span", value: s.name });
    input.checked = s === chosen;
    input.addEventListener("change", () => choose(s));
    return h("label", { title: s.says }, input, h("span", {}, s.name));
  });
  return h("fieldset", { class: "spans" }, h("legend", {}, "Span"), ...buttons);
}
