// The table of megaflows: asked for while it can be seen, searched and sorted by the server.

import { read } from "./api.js";
import { byId, element, setCount, setText } from "./dom.js";
import { bytes, count, duration, packetRate } from "./format.js";

/** @typedef {import("../src/page/shapes.ts").Megaflows} Megaflows */
/** @typedef {import("../src/page/shapes.ts").MegaflowRow} MegaflowRow */

const EVERY_MS = 2000;
const TYPING_MS = 200;

export class FlowTable {
  #search = byId("flows-search", HTMLInputElement);
  #sort = byId("flows-sort", HTMLSelectElement);
  #limit = byId("flows-limit", HTMLSelectElement);
  #count = byId("flows-count", HTMLElement);
  #body = element("tbody");
  #visible = false;
  #paused = false;
  #timer = 0;
  #request = new AbortController();
  /** @type {Map<string, { time: number, packets: number }>} */
  #before = new Map();

  constructor() {
    const heads = ["match", "actions", "packets", "rate", "bytes", "last used"];
    const table = byId("flows", HTMLTableElement);
    const cells = heads.map((head, i) =>
      element("th", { scope: "col", class: i < 2 ? "text" : undefined }, head),
    );
    table.append(element("thead", {}, element("tr", {}, ...cells)), this.#body);
    new IntersectionObserver(([entry]) => {
      this.#visible = entry?.isIntersecting ?? false;
      this.#plan(0);
    }).observe(byId("flows-form", HTMLElement).closest("section") ?? table);
    document.addEventListener("visibilitychange", () => this.#plan(0));
    this.#search.addEventListener("input", () => this.#plan(TYPING_MS));
    this.#sort.addEventListener("change", () => this.#plan(0));
    this.#limit.addEventListener("change", () => this.#plan(0));
    byId("flows-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#plan(0);
    });
  }

  /** @param {boolean} paused */
  pause(paused) {
    this.#paused = paused;
    if (!paused) this.#plan(0);
  }

  /** @param {number} ms */
  #plan(ms) {
    clearTimeout(this.#timer);
    this.#request.abort();
    if (this.#visible && !document.hidden) this.#timer = setTimeout(() => void this.#load(), ms);
  }

  async #load() {
    this.#request = new AbortController();
    const { signal } = this.#request;
    const query = new URLSearchParams({
      search: this.#search.value.trim(),
      sort: this.#sort.value,
      limit: this.#limit.value,
    });
    try {
      /** @type {Megaflows} */
      const list = await read(`/api/megaflows?${query}`, signal);
      this.#show(list);
    } catch (error) {
      if (signal.aborted) return;
      setText(this.#count, error instanceof Error ? error.message : String(error));
    }
    if (!this.#paused) this.#timer = setTimeout(() => void this.#load(), EVERY_MS);
  }

  /** @param {Megaflows} list */
  #show(list) {
    const words = this.#search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const found =
      words.length > 0
        ? `${count(list.found)} of ${count(list.total)} megaflows match`
        : `${count(list.total)} megaflows`;
    setText(
      this.#count,
      list.rows.length < list.found ? `${found}; the first ${count(list.rows.length)} are shown` : found,
    );
    setCount(this.#body, list.rows.length, makeRow);
    list.rows.forEach((flow, i) => {
      const row = this.#body.children[i];
      if (row) drawFlow(row, flow, this.#rate(flow, list.time), words);
    });
    this.#before = new Map(list.rows.map((flow) => [flow.ufid, { time: list.time, packets: flow.packets }]));
  }

  /**
   * Packets a second since the list before; undefined for one that was not in it.
   * @param {MegaflowRow} flow
   * @param {number} time
   */
  #rate(flow, time) {
    const before = this.#before.get(flow.ufid);
    if (before === undefined || time <= before.time) return undefined;
    return Math.max(0, ((flow.packets - before.packets) * 1000) / (time - before.time));
  }
}

function makeRow() {
  const numbers = ["packets", "rate", "bytes", "last used"].map((label) =>
    element("td", { "data-label": label }),
  );
  return element(
    "tr",
    {},
    element("td", { class: "match" }),
    element("td", { class: "match", "data-label": "actions" }),
    ...numbers,
  );
}

/**
 * @param {Element} row
 * @param {MegaflowRow} flow
 * @param {number | undefined} rate
 * @param {readonly string[]} words
 */
function drawFlow(row, flow, rate, words) {
  const [match, actions, ...numbers] = [...row.children];
  if (!match || !actions) return;
  mark(match, flow.match, words);
  mark(actions, flow.actions, words);
  match.setAttribute("title", `ufid:${flow.ufid}, in PMD ${flow.pmds.join(", ")}`);
  const texts = [
    count(flow.packets),
    rate === undefined ? "–" : packetRate(rate),
    bytes(flow.bytes),
    flow.usedSeconds === null ? "never" : `${duration(flow.usedSeconds)} ago`,
  ];
  texts.forEach((text, i) => {
    const cell = numbers[i];
    if (cell) setText(cell, text);
  });
}

/**
 * Sets a text with the words of the search marked.
 * @param {Element} cell
 * @param {string} text
 * @param {readonly string[]} words
 */
function mark(cell, text, words) {
  const key = `${text}\n${words.join(" ")}`;
  if (cell.getAttribute("data-shown") === key) return;
  cell.setAttribute("data-shown", key);
  /** @type {(Node | string)[]} */
  const parts = [];
  const lower = text.toLowerCase();
  let at = 0;
  while (at < text.length) {
    const hits = words
      .map((word) => ({ word, index: lower.indexOf(word, at) }))
      .filter(({ index }) => index >= 0);
    const next = hits.sort((a, b) => a.index - b.index || b.word.length - a.word.length)[0];
    if (next === undefined) break;
    parts.push(
      ...broken(text.slice(at, next.index)),
      element("mark", {}, text.slice(next.index, next.index + next.word.length)),
    );
    at = next.index + next.word.length;
  }
  parts.push(...broken(text.slice(at)));
  cell.replaceChildren(...parts);
}

/**
 * A text that may break after commas, where a long match reads best.
 * @param {string} text
 */
function broken(text) {
  return text.split(/(?<=,)/).flatMap((piece, i) => (i === 0 ? [piece] : [element("wbr"), piece]));
}
