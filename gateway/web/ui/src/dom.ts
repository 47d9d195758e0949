type Child = Node | string | undefined;

/** Makes an element; attributes that are undefined are left out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | undefined> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const e = document.createElement(tag);
  for (const [name, v] of Object.entries(attributes)) {
    if (v !== undefined) e.setAttribute(name, v);
  }
  for (const c of children) {
    if (c !== undefined) e.append(c);
  }
  return e;
}

/** Sets e's text if it is another: an unchanged page costs no layout. */
export function setText(e: Element, text: string): void {
  if (e.textContent !== text) e.textContent = text;
}

export function setClass(e: Element, name: string): void {
  if (e.className !== name) e.className = name;
}

export function setStyle(e: HTMLElement, property: string, v: string): void {
  if (e.style.getPropertyValue(property) !== v) e.style.setProperty(property, v);
}

/** Makes parent's children exactly these, and moves none that stands right: focus and selection stay. */
export function setChildren(parent: Element, children: Element[]): void {
  children.forEach((c, i) => {
    const there = parent.children[i];
    if (there !== c) parent.insertBefore(c, there ?? null);
  });
  while (parent.children.length > children.length) parent.lastElementChild?.remove();
}

/** A cache of elements by key: what is there is updated, the rest made. */
export class Keyed<T extends { root: Element }> {
  readonly #all = new Map<string, T>();

  get(key: string, make: () => T): T {
    let t = this.#all.get(key);
    if (!t) {
      t = make();
      this.#all.set(key, t);
    }
    return t;
  }

  values(): Iterable<T> {
    return this.#all.values();
  }

  /** Forgets all but keys. */
  keep(keys: Set<string>): void {
    for (const key of this.#all.keys()) {
      if (!keys.has(key)) this.#all.delete(key);
    }
  }
}
