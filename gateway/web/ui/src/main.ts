import type { Scope } from "./api.ts";
import { h, setClass, setText } from "./dom.ts";
import { FleetView } from "./fleet.ts";
import { title } from "./format.ts";
import { spanNamed } from "./history.ts";
import { MetricsView } from "./metrics.ts";
import { Model } from "./model.ts";
import { type Connection, Stream } from "./stream.ts";
import { themeButton } from "./theme.ts";
import { type View, nodeLink } from "./view.ts";

const drawEvery = 250; // ms between two drawings while records come
const nodesEvery = 2000; // ms between two looks at /v1/nodes

function element<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

const main = element("main");
const crumbs = element("crumbs");
const connection = element("connection");

const model = new Model();
let view: View | undefined;
let stream: Stream | undefined;
let drawnAt = 0;
let asked = false;

/** Has the view drawn soon: records come faster than a screen shows. A page in the background draws when it is looked at again. */
function draw(): void {
  if (asked) return;
  asked = true;
  const wait = Math.max(0, drawnAt + drawEvery - performance.now());
  window.setTimeout(() => {
    window.requestAnimationFrame(() => {
      asked = false;
      drawnAt = performance.now();
      view?.update();
    });
  }, wait);
}

const says: Record<Connection, [text: string, look: string]> = {
  connecting: ["connecting", "pill"],
  live: ["live", "pill good"],
  broken: ["gateway not reached", "pill critical"],
};

function showConnection(c: Connection): void {
  const [text, look] = says[c];
  setText(connection, text);
  setClass(connection, look);
}

async function load(): Promise<void> {
  try {
    await model.load();
    draw();
  } catch {
    showConnection("broken"); // the stream's retries and the look at the nodes go on
  }
}

interface Place extends Scope {
  params: URLSearchParams;
}

function place(): Place {
  const [path = "", search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [node, device] = path.split("/").map(decodeURIComponent);
  return { ...(node ? { node } : {}), ...(device ? { device } : {}), params: new URLSearchParams(search) };
}

function showCrumbs({ node, device }: Scope): void {
  crumbs.replaceChildren();
  if (node === undefined) return;
  crumbs.append(h("a", { href: "#/" }, "Fleet"), h("a", { href: nodeLink(node) }, node));
  if (device !== undefined) crumbs.append(h("span", { "aria-current": "page" }, title(device)));
}

function follow(scope: Scope): void {
  stream?.close();
  stream = new Stream(scope, {
    record(r) {
      model.apply(r);
      view?.record(r);
      draw();
    },
    state: showConnection,
    stale: () => void load().then(show),
  });
}

/** Shows the page that the address names. */
function show(): void {
  const { node, device, params } = place();
  view?.close();
  if (node === undefined) {
    view = new FleetView(model);
    follow({});
  } else {
    const scope = { node, ...(device === undefined ? {} : { device }) };
    view = new MetricsView(model, scope, spanNamed(params.get("span")), (s) => {
      history.replaceState(null, "", `${location.hash.split("?")[0]}?span=${s.name}`);
    });
    follow({ node }); // all of the node: its rate and its events are on a device's page too
  }
  showCrumbs({ ...(node === undefined ? {} : { node }), ...(device === undefined ? {} : { device }) });
  document.title = `${view.title} · Fieldpost`;
  main.replaceChildren(view.root);
  view.update();
}

themeButton(element("theme"), () => {
  view?.recolour();
  draw();
});
window.addEventListener("hashchange", () => {
  show();
  main.focus();
  window.scrollTo(0, 0);
});
window.setInterval(draw, 1000); // ages grow though nothing comes
window.setInterval(() => {
  if (document.hidden) return;
  model.refreshNodes().then(draw, () => undefined); // the stream says when the gateway is not reached
}, nodesEvery);
show();
void load();
