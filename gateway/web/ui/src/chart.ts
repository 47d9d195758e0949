import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Columns, Gap } from "./bins.ts";
import { axisTime } from "./format.ts";
import type { EventSpan } from "./model.ts";
import { paint, unpaint } from "./paint.ts";

/** What a chart shows; times in ms. */
export interface Picture {
  columns: Columns;
  gaps: Gap[];
  events: EventSpan[];
  from: number;
  to: number;
}

export interface ChartOptions {
  height: number;
  axes: boolean;
  steps: boolean; // values hold until the next one: switches
  floor?: number; // the scale begins here
  /** The place under the cursor, or undefined when it has left. */
  cursor?: (index: number | undefined) => void;
}

/** A line with its range around it, gaps left open and hatched, raised patterns shaded. Draws only while it can be seen. */
export class Chart {
  readonly root = document.createElement("div");
  #plot: uPlot | undefined;
  #picture: Picture | undefined;
  #look: (() => Picture) | undefined;
  readonly #job = (): void => this.#draw();
  #visible = false;
  #dirty = false;
  #width = 0;
  readonly #resize: ResizeObserver;
  readonly #sight: IntersectionObserver;

  constructor(private readonly options: ChartOptions) {
    this.root.className = options.axes ? "chart" : "chart spark";
    this.root.style.height = `${options.height}px`;
    this.#resize = new ResizeObserver(([e]) => this.#setWidth(Math.floor(e?.contentRect.width ?? 0)));
    this.#resize.observe(this.root);
    this.#sight = new IntersectionObserver(([e]) => {
      this.#visible = e?.isIntersecting ?? false;
      this.#drawSoon();
    });
    this.#sight.observe(this.root);
  }

  /** Has what look returns drawn soon, if anybody can see it; else look is asked when it comes into sight. */
  show(look: () => Picture): void {
    this.#look = look;
    this.#dirty = true;
    this.#drawSoon();
  }

  /** Takes the page's colours anew. */
  recolour(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
    this.#dirty = true;
    this.#drawSoon();
  }

  destroy(): void {
    unpaint(this.#job);
    this.#resize.disconnect();
    this.#sight.disconnect();
    this.#plot?.destroy();
  }

  #setWidth(width: number): void {
    if (width === this.#width) return;
    this.#width = width;
    this.#plot?.setSize({ width, height: this.options.height });
    this.#drawSoon();
  }

  #drawSoon(): void {
    if (this.#visible && this.#width > 0 && this.#dirty) paint(this.#job);
  }

  #draw(): void {
    if (!this.#look || !this.#visible || this.#width === 0 || !this.#dirty) return;
    this.#dirty = false;
    this.#picture = this.#look();
    if (!this.#plot) {
      this.#plot = new uPlot(this.#describe(), this.#picture.columns, this.root);
      return;
    }
    this.#plot.setData(this.#picture.columns);
  }

  #describe(): uPlot.Options {
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    const { axes, steps, height, floor, cursor } = this.options;
    const line = colour("--line");
    const axis: uPlot.Axis = {
      show: axes,
      stroke: colour("--muted"),
      font: "12px system-ui, sans-serif",
      grid: { stroke: colour("--grid"), width: 1 },
      ticks: { stroke: colour("--grid"), width: 1, size: 4 },
    };
    const paths = (steps ? uPlot.paths.stepped?.({ align: 1 }) : uPlot.paths.linear?.()) as uPlot.Series.PathBuilder;
    const edge: uPlot.Series = { paths, width: 0, points: { show: false } };
    return {
      width: this.#width,
      height,
      padding: axes ? [10, 8, 0, 0] : [3, 0, 3, 0],
      legend: { show: false },
      cursor: {
        show: axes,
        drag: { setScale: false },
        points: { size: 7 },
        y: false,
        sync: { key: "time", setSeries: false },
      },
      scales: {
        x: { time: true, range: () => [(this.#picture?.from ?? 0) / 1000, (this.#picture?.to ?? 1) / 1000] },
        y: { range: (_, least, greatest) => (steps ? [-0.1, 1.1] : room(floor ?? least, greatest)) },
      },
      series: [
        {},
        edge,
        edge,
        {
          paths,
          stroke: line,
          width: axes ? 1.75 : 1.5,
          // Few readings are points: a single one has no line.
          points: { show: (u) => floor === undefined && u.data[0].length < 20, size: 4, fill: line, stroke: line },
        },
      ],
      bands: [{ series: [1, 2], fill: colour("--band") }],
      axes: [
        { ...axis, size: 30, space: 48, values: (_, splits, __, ___, distance) => splits.map((s) => axisTime(s, distance)) },
        steps ? { ...axis, size: 58, splits: () => [0, 1], values: () => ["off", "on"] } : { ...axis, size: 58 },
      ],
      hooks: {
        drawClear: [(u) => this.#shade(u, colour)],
        ...(cursor ? { setCursor: [(u: uPlot) => cursor(u.cursor.idx ?? undefined)] } : {}),
      },
    };
  }

  /** Gaps and raised patterns, behind the line. */
  #shade(u: uPlot, colour: (name: string) => string): void {
    const p = this.#picture;
    if (!p) return;
    const { ctx } = u;
    const { left, top, width, height } = u.bbox;
    const place = (ms: number): number => Math.min(left + width, Math.max(left, u.valToPos(ms / 1000, "x", true)));
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    for (const [from, to] of p.gaps) {
      const a = place(from);
      const b = place(to);
      if (b - a < 2) continue;
      ctx.fillStyle = colour("--gap");
      ctx.fillRect(a, top, b - a, height);
      hatch(ctx, a, b, top, height, colour("--gap-line"));
    }
    for (const { event, end } of p.events) {
      const start = Date.parse(event.time);
      if (start > p.to || (end ?? p.to) < p.from) continue;
      const a = place(start);
      const b = Math.max(place(end ?? p.to), a + 2);
      ctx.fillStyle = colour(`--${event.severity}-shade`);
      ctx.fillRect(a, top, b - a, height);
      ctx.fillStyle = colour(`--${event.severity}`);
      if (start >= p.from) ctx.fillRect(a, top, 2, height);
      if (end !== undefined && end <= p.to) ctx.fillRect(b - 1, top, 1, height);
    }
    ctx.restore();
  }
}

function hatch(ctx: CanvasRenderingContext2D, a: number, b: number, top: number, height: number, stroke: string): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(a, top, b - a, height);
  ctx.clip();
  ctx.strokeStyle = stroke;
  ctx.lineWidth = 1;
  ctx.beginPath();
  const apart = 9 * devicePixelRatio;
  for (let x = Math.floor((a - height) / apart) * apart; x < b; x += apart) {
    ctx.moveTo(x, top + height);
    ctx.lineTo(x + height, top);
  }
  ctx.stroke();
  ctx.restore();
}

/** The scale's ends: some room around the line, and never so close that noise of a steady value fills the chart. */
function room(least: number | null, greatest: number | null): [number, number] {
  if (least === null || greatest === null) return [0, 1];
  const size = Math.max(Math.abs(least), Math.abs(greatest));
  const span = Math.max(greatest - least, size * 1e-5, 1e-9);
  const middle = (least + greatest) / 2;
  return [middle - span * 0.6, middle + span * 0.6];
}
