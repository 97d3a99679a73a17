// A chart over time: lines, or areas stacked on one another, with a legend that tells the values at the cursor. The
// cursor is one for all charts; it follows the pointer, or the arrow keys when a chart has the focus.

import { element, setAttributes, setCount, setText, svg } from "./dom.js";
import { duration } from "./format.js";
import { niceStep, timeStep } from "./scale.js";

/**
 * @typedef {object} Series
 * @property {string} name
 * @property {string} color CSS variable, `--s0`
 */
/**
 * @typedef {object} ChartOptions
 * @property {string} title
 * @property {string} hint one line below the title
 * @property {boolean} stacked
 * @property {(value: number) => string} format a value with its unit
 * @property {number} [top] fixed upper end of the scale
 * @property {boolean} [total] whether the legend ends with the sum
 */
/**
 * @typedef {object} Frame
 * @property {readonly number[]} times milliseconds since 1970, oldest first
 * @property {readonly (readonly number[])[]} rows one list a series, one value a time; NaN = not known
 * @property {number} end right edge
 * @property {number} span milliseconds shown
 */

const HEIGHT = 168;
const EDGE = { left: 8, right: 8, top: 16, bottom: 18 };
/** Room for a time below the chart. */
const TICK_WIDTH = 70;
/** A longer pause between two samples is a gap. */
const GAP_MS = 3500;

/** Time under the cursor, or null: shared by all charts. */
export class Cursor extends EventTarget {
  /** @type {number | null} */
  time = null;

  /** @param {number | null} time */
  set(time) {
    if (this.time === time) return;
    this.time = time;
    this.dispatchEvent(new Event("move"));
  }
}

export class TimeChart {
  /** @type {ChartOptions} */
  #options;
  /** @type {Cursor} */
  #cursor;
  /** @type {readonly Series[]} */
  #series = [];
  /** @type {Frame} */
  #frame = { times: [], rows: [], end: 0, span: 1 };
  #width = 300;
  #top = 1;
  #plot = svg("svg", { class: "plot", height: HEIGHT, tabindex: 0, role: "slider" });
  #grid = svg("g", { class: "grid" });
  #paths = svg("g");
  #labels = svg("g");
  #line = svg("line", { class: "cursor", visibility: "hidden" });
  #legend = element("ul", { class: "legend" });
  #when = element("span", { class: "quiet when" });

  /**
   * @param {HTMLElement} figure
   * @param {ChartOptions} options
   * @param {Cursor} cursor
   */
  constructor(figure, options, cursor) {
    this.#options = options;
    this.#cursor = cursor;
    const title = element("h2", {}, options.title);
    figure.append(
      element(
        "figcaption",
        {},
        element("div", { class: "head" }, title, this.#when),
        element("p", { class: "quiet" }, options.hint),
      ),
    );
    this.#plot.append(this.#grid, this.#paths, this.#labels, this.#line);
    figure.append(this.#plot, this.#legend);
    setAttributes(this.#plot, { "aria-label": `${options.title}: moment shown`, "aria-valuemax": 0 });
    new ResizeObserver(() => this.#resize()).observe(figure);
    this.#plot.addEventListener("pointermove", (event) => this.#point(event));
    this.#plot.addEventListener("pointerleave", () => cursor.set(null));
    this.#plot.addEventListener("keydown", (event) => this.#key(event));
    cursor.addEventListener("move", () => this.#showValues());
  }

  /**
   * @param {readonly Series[]} series
   * @param {Frame} frame
   */
  draw(series, frame) {
    this.#series = series;
    this.#frame = frame;
    this.#redraw();
  }

  #resize() {
    const width = Math.round(this.#plot.getBoundingClientRect().width);
    if (width === 0 || width === this.#width) return;
    this.#width = width;
    this.#redraw();
  }

  #redraw() {
    const stacks = this.#options.stacked ? stack(this.#frame.rows) : this.#frame.rows;
    const largest = maximum(stacks);
    this.#top = this.#options.top ?? (largest > 0 ? largest * 1.05 : 1);
    setAttributes(this.#plot, { viewBox: `0 0 ${this.#width} ${HEIGHT}` });
    this.#drawGrid();
    setCount(this.#paths, this.#series.length, () =>
      svg("g", {}, svg("path"), svg("path", { class: "line" })),
    );
    const lone = this.#series.length === 1;
    this.#series.forEach((series, i) => {
      const row = stacks[i] ?? [];
      const group = /** @type {SVGGElement} */ (this.#paths.children[i]);
      const [area, line] = [...group.children];
      group.style.setProperty("--color", `var(${series.color})`);
      area?.setAttribute("class", this.#options.stacked ? "area" : "shade");
      area?.setAttribute("d", this.#options.stacked || lone ? this.#area(row, stacks[i - 1]) : "");
      line?.setAttribute("d", this.#options.stacked ? "" : this.#path(row));
    });
    this.#showValues();
  }

  /** @param {number} time */
  #x(time) {
    const inner = this.#width - EDGE.left - EDGE.right;
    return EDGE.left + inner * (1 - (this.#frame.end - time) / this.#frame.span);
  }

  /** @param {number} value */
  #y(value) {
    const inner = HEIGHT - EDGE.top - EDGE.bottom;
    return EDGE.top + inner * (1 - Math.min(value, this.#top) / this.#top);
  }

  #drawGrid() {
    const step = niceStep(this.#top / 4);
    /** @type {Element[]} */
    const lines = [];
    /** @type {Element[]} */
    const labels = [];
    for (let value = 0; value <= this.#top * 1.0001; value += step) {
      const y = this.#y(value);
      lines.push(svg("line", { x1: EDGE.left, x2: this.#width - EDGE.right, y1: y, y2: y }));
      if (value > 0) labels.push(svg("text", { x: EDGE.left, y: y - 4 }, this.#options.format(value)));
    }
    const { span } = this.#frame;
    const tick = timeStep(span, this.#width / TICK_WIDTH);
    for (let ago = 0; ago <= span; ago += tick) {
      const anchor = ago === 0 ? "end" : ago > span * 0.96 ? "start" : "middle";
      const text = ago === 0 ? "now" : `−${duration(ago / 1000).replace(/ 0\u00a0s$/, "")}`;
      const x = this.#x(this.#frame.end - ago);
      labels.push(svg("text", { x, y: HEIGHT - 4, "text-anchor": anchor }, text));
    }
    this.#grid.replaceChildren(...lines);
    this.#labels.replaceChildren(...labels);
  }

  /**
   * Runs of times without a gap and with a known value.
   * @param {readonly number[]} row
   */
  #runs(row) {
    const { times, end, span } = this.#frame;
    /** @type {number[][]} */
    const runs = [];
    let last = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < row.length; i++) {
      const time = times[i] ?? 0;
      if (time < end - span || Number.isNaN(row[i])) continue;
      if (time - last > GAP_MS) runs.push([]);
      runs.at(-1)?.push(i);
      last = time;
    }
    return runs;
  }

  /** @param {readonly number[]} row */
  #path(row) {
    return this.#runs(row)
      .map((run) => `M${this.#points(run, row)}`)
      .join("");
  }

  /**
   * @param {readonly number[]} upper
   * @param {readonly number[] | undefined} lower
   */
  #area(upper, lower) {
    return this.#runs(upper)
      .map((run) => `M${this.#points(run, upper)}L${this.#points([...run].reverse(), lower)}Z`)
      .join("");
  }

  /**
   * @param {readonly number[]} run
   * @param {readonly number[] | undefined} row
   */
  #points(run, row) {
    return run
      .map((i) => `${this.#x(this.#frame.times[i] ?? 0).toFixed(1)} ${this.#y(row?.[i] ?? 0).toFixed(1)}`)
      .join("L");
  }

  /** @param {PointerEvent} event */
  #point(event) {
    const x = event.clientX - this.#plot.getBoundingClientRect().left;
    const share = (x - EDGE.left) / (this.#width - EDGE.left - EDGE.right);
    this.#cursor.set(this.#nearest(this.#frame.end - this.#frame.span * (1 - share)));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { times } = this.#frame;
    const at = this.#cursor.time === null ? times.length - 1 : this.#index(this.#cursor.time);
    const steps = /** @type {Record<string, number>} */ ({
      ArrowLeft: -1,
      ArrowDown: -1,
      ArrowRight: 1,
      ArrowUp: 1,
      PageUp: 10,
      PageDown: -10,
    });
    const step = steps[event.key];
    if (event.key === "Escape" || event.key === "End") this.#cursor.set(null);
    else if (event.key === "Home") this.#cursor.set(this.#nearest(this.#frame.end - this.#frame.span));
    else if (step !== undefined)
      this.#cursor.set(times[Math.max(0, Math.min(times.length - 1, at + step))] ?? null);
    else return;
    event.preventDefault();
  }

  /** @param {number} time */
  #nearest(time) {
    return this.#frame.times[this.#index(time)] ?? null;
  }

  /**
   * Index of the sample nearest to a time.
   * @param {number} time
   */
  #index(time) {
    const { times } = this.#frame;
    const after = times.findIndex((one) => one >= time);
    if (after <= 0) return after === 0 ? 0 : times.length - 1;
    return (times[after] ?? 0) - time < time - (times[after - 1] ?? 0) ? after : after - 1;
  }

  #showValues() {
    const { rows, times, end, span } = this.#frame;
    const time = this.#cursor.time;
    const at = time === null ? times.length - 1 : this.#index(time);
    const shown = times[at] ?? end;
    const x = this.#x(shown);
    const visible = time !== null && shown >= end - span;
    setAttributes(this.#line, {
      x1: x,
      x2: x,
      y1: EDGE.top,
      y2: HEIGHT - EDGE.bottom,
      visibility: visible ? "visible" : "hidden",
    });
    const values = rows.map((row) => row[at] ?? Number.NaN);
    const names = this.#series.map((series) => series.name);
    if (this.#options.total) {
      names.push("together");
      values.push(values.reduce((sum, value) => sum + value, 0));
    }
    setCount(this.#legend, names.length, () =>
      element("li", {}, element("i"), element("span"), element("b")),
    );
    names.forEach((name, i) => {
      const [swatch, label, value] = /** @type {HTMLElement[]} */ ([
        ...(this.#legend.children[i]?.children ?? []),
      ]);
      if (swatch === undefined || label === undefined || value === undefined) return;
      const color = this.#series[i]?.color;
      swatch.style.visibility = color === undefined ? "hidden" : "visible";
      if (color !== undefined) swatch.style.setProperty("--color", `var(${color})`);
      setText(label, name);
      setText(value, this.#known(values[i] ?? Number.NaN));
    });
    const when = visible ? `${duration((end - shown) / 1000)} ago` : "now";
    setText(this.#when, visible ? when : "");
    setAttributes(this.#plot, {
      "aria-valuemin": Math.round(-span / 1000),
      "aria-valuenow": Math.round((shown - end) / 1000),
      "aria-valuetext": `${when}: ${names.map((name, i) => `${name} ${this.#known(values[i] ?? Number.NaN)}`).join(", ")}`,
    });
  }

  /** @param {number} value */
  #known(value) {
    return Number.isNaN(value) ? "–" : this.#options.format(value);
  }
}

/**
 * The largest of all numbers, leaving out what is not one; 0 when there is none.
 * @param {readonly (readonly number[])[]} rows
 */
function maximum(rows) {
  let most = 0;
  for (const row of rows) {
    for (const value of row) if (value > most) most = value;
  }
  return most;
}

/**
 * Running sums: row i becomes the sum of the rows up to i.
 * @param {readonly (readonly number[])[]} rows
 */
function stack(rows) {
  /** @type {number[][]} */
  const stacks = [];
  for (const row of rows) {
    const below = stacks.at(-1);
    stacks.push(row.map((value, i) => value + (below?.[i] ?? 0)));
  }
  return stacks;
}
