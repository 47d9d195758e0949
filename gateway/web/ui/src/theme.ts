const themes = ["auto", "light", "dark"] as const;
type Theme = (typeof themes)[number];
const kept = "fieldpost-theme";

function read(): Theme {
  const t = localStorage.getItem(kept);
  return themes.find((x) => x === t) ?? "auto";
}

/** Makes button turn the theme, and calls changed whenever colours are others. */
export function themeButton(button: HTMLButtonElement, changed: () => void): void {
  const apply = (t: Theme): void => {
    if (t === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = t;
    button.querySelector("b")?.replaceChildren(t);
    button.setAttribute("aria-label", `Theme: ${t}`);
  };
  apply(read());
  button.addEventListener("click", () => {
    const next = themes[(themes.indexOf(read()) + 1) % themes.length] as Theme;
    localStorage.setItem(kept, next);
    apply(next);
    changed();
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}
