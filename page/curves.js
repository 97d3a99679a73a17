// Misses by cache size: one curve a cache over a logarithmic axis, with the present size, and where each cache of
// the CPU ends. The numbers come from the live profiler, when there is one and it runs.

import { change, read } from "./api.js";
import { byId, element, setAttributes, setCount, setText, svg } from "./dom.js";
import { entries, percent } from "./format.js";
import { niceStep } from "./scale.js";

/** @typedef {import("../src/page/shapes.ts").Curves} CurvesAnswer */
/** @typedef {import("../src/page/shapes.ts").MissCurve} MissCurve */
/** @typedef {import("../src/page/shapes.ts").LiveSetting} LiveSetting */
/** @typedef {import("./token.js").Lock} Lock */

const EVERY_MS = 2000;
const HEIGHT = 220;
const EDGE = { left: 8, right: 8, top: 18, bottom: 18 };
const colors = /** @type {Record<string, string>} */ ({ microflow: "--level0", maskCache: "--level1" });

export class CurvesPanel {
  #figure = byId("curves", HTMLElement);
  #note = byId("curves-note", HTMLElement);
  #button = byId("profile", HTMLButtonElement);
  #plot = svg("svg", { class: "plot", height: HEIGHT, role: "img" });
  #legend = element("ul", { class: "legend" });
  #lock;
  #profiling = false;
  #visible = false;
  #timer = 0;
  /** @type {readonly LiveSetting[]} */
  #settings = [];
  /** @type {number | null} */
  #pmd = null;

  /**
   * @param {Lock} lock
   * @param {boolean} hasProfiler
   */
  constructor(lock, hasProfiler) {
    this.#lock = lock;
    this.#figure.append(this.#plot, this.#legend);
    this.#button.hidden = !hasProfiler;
    this.#button.addEventListener("click", () => void this.#toggle());
    lock.addEventListener("change", () => this.#showLock());
    this.#showLock();
    new IntersectionObserver(([entry]) => {
      this.#visible = entry?.isIntersecting ?? false;
      this.#plan(0);
    }).observe(this.#note);
    document.addEventListener("visibilitychange", () => this.#plan(0));
  }

  /** @param {readonly LiveSetting[]} settings */
  setSettings(settings) {
    this.#settings = settings;
    this.#plan(0);
  }

  /** @param {number | null} pmd shown; null = all together */
  setScope(pmd) {
    this.#pmd = pmd;
    this.#plan(0);
  }

  #showLock() {
    this.#button.disabled = !this.#lock.open;
    this.#button.title = this.#lock.open ? "" : "Unlock changes first";
  }

  /** @param {number} ms */
  #plan(ms) {
    clearTimeout(this.#timer);
    if (this.#visible && !document.hidden) this.#timer = setTimeout(() => void this.#load(), ms);
  }

  async #load() {
    try {
      this.#show(await read("/api/curves"));
    } catch (error) {
      setText(this.#note, error instanceof Error ? error.message : String(error));
    }
    this.#plan(EVERY_MS);
  }

  async #toggle() {
    try {
      this.#show(await change("/api/profiler", { on: !this.#profiling }));
    } catch (error) {
      setText(this.#note, `Not changed: ${error instanceof Error ? error.message : error}.`);
    }
  }

  /** @param {CurvesAnswer} answer */
  #show(answer) {
    this.#profiling = answer.profiling;
    setText(this.#button, answer.profiling ? "Stop profiling" : "Start profiling");
    setText(this.#note, answer.note);
    const curves = answer.curves.filter(({ pmd, points }) => pmd === this.#pmd && points.length > 1);
    this.#figure.hidden = curves.length === 0;
    if (curves.length > 0) this.#draw(curves);
  }

  /** @param {readonly MissCurve[]} curves */
  #draw(curves) {
    const width = Math.round(this.#plot.getBoundingClientRect().width) || 300;
    const points = curves.flatMap((curve) => curve.points).filter((point) => point.entries > 0);
    const first = Math.log2(Math.min(...points.map((point) => point.entries)));
    const last = Math.log2(Math.max(...points.map((point) => point.entries)));
    const top = Math.max(0.001, ...points.map((point) => point.missRatio)) * 1.05;
    const x = (/** @type {number} */ size) =>
      EDGE.left + ((width - EDGE.left - EDGE.right) * (Math.log2(size) - first)) / (last - first || 1);
    const y = (/** @type {number} */ ratio) =>
      EDGE.top + (HEIGHT - EDGE.top - EDGE.bottom) * (1 - ratio / top);
    const grid = svg("g", { class: "grid" });
    const step = niceStep(top / 3);
    for (let ratio = 0; ratio <= top; ratio += step) {
      grid.append(svg("line", { x1: EDGE.left, x2: width - EDGE.right, y1: y(ratio), y2: y(ratio) }));
      if (ratio > 0) grid.append(svg("text", { x: EDGE.left, y: y(ratio) - 4 }, percent(ratio)));
    }
    const every = Math.max(1, Math.ceil((last - first) / (width / 70)));
    for (let power = Math.ceil(first); power <= last; power += every) {
      const anchor = power === first ? "start" : power + every > last ? "end" : "middle";
      grid.append(
        svg("text", { x: x(2 ** power), y: HEIGHT - 4, "text-anchor": anchor }, entries(2 ** power)),
      );
    }
    const lines = curves.map((curve) => this.#line(curve, x, y));
    setAttributes(this.#plot, {
      viewBox: `0 0 ${width} ${HEIGHT}`,
      "aria-label": `Share of lookups that miss, by entries. ${curves.map((curve) => this.#say(curve)).join(" ")}`,
    });
    this.#plot.replaceChildren(grid, ...lines);
    setCount(this.#legend, curves.length, () => element("li", {}, element("i"), element("span")));
    curves.forEach((curve, i) => {
      const [swatch, label] = [...(this.#legend.children[i]?.children ?? [])];
      swatch?.classList.toggle("ideal", curve.ideal);
      if (swatch instanceof HTMLElement)
        swatch.style.setProperty("--color", `var(${colors[curve.cache] ?? "--s0"})`);
      if (label) setText(label, this.#say(curve));
    });
  }

  /**
   * @param {MissCurve} curve
   * @param {(size: number) => number} x
   * @param {(ratio: number) => number} y
   */
  #line(curve, x, y) {
    const drawn = curve.points.filter((point) => point.entries > 0);
    const group = svg("g");
    group.style.setProperty("--color", `var(${colors[curve.cache] ?? "--s0"})`);
    group.append(
      svg("path", {
        class: curve.ideal ? "line ideal" : "line",
        d: `M${drawn.map((point) => `${x(point.entries).toFixed(1)} ${y(point.missRatio).toFixed(1)}`).join("L")}`,
      }),
    );
    const now = curve.ideal ? undefined : this.#present(curve);
    if (now !== undefined) {
      group.append(
        svg("line", {
          class: "present",
          x1: x(now.entries),
          x2: x(now.entries),
          y1: EDGE.top,
          y2: HEIGHT - EDGE.bottom,
        }),
      );
      group.append(svg("circle", { class: "dot", cx: x(now.entries), cy: y(now.missRatio), r: 4 }));
    }
    return group;
  }

  /**
   * The point of the present size, between the sizes that were tried; undefined outside of them.
   * @param {MissCurve} curve
   */
  #present({ cache, points }) {
    const size = Number(this.#settings.find(({ key }) => key === `${cache}.entries`)?.value);
    const at = points.findIndex((point) => point.entries >= size);
    const above = points[at];
    if (above === undefined || size === 0) return undefined;
    const below = points[at - 1];
    if (above.entries === size) return above;
    if (below === undefined) return undefined;
    const share = Math.log2(size / below.entries) / Math.log2(above.entries / below.entries);
    return { entries: size, missRatio: below.missRatio + (above.missRatio - below.missRatio) * share };
  }

  /** @param {MissCurve} curve */
  #say(curve) {
    const now = this.#present(curve);
    return now === undefined || curve.ideal
      ? `${curve.title}.`
      : `${curve.title}: ${percent(now.missRatio)} missed at ${entries(now.entries)} entries.`;
  }
}
