// Tiles and tables of the newest sample: the switch at a glance, cores, ports, drops.

import { levels, pmdName } from "./charts.js";
import { byId, element, setCount, setText } from "./dom.js";
import { bitRate, count, cycles, packetRate, percent, perSecond, ratio } from "./format.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./store.js").Sample} Sample */
/** @typedef {import("../src/page/shapes.ts").Latest} Latest */
/** @typedef {readonly [label: string, value: string, more: string]} Tile */

/**
 * @param {Store} store
 * @param {Sample} sample
 * @param {Latest} latest
 * @param {readonly number[]} pmds shown
 */
export function drawTiles(store, sample, latest, pmds) {
  const sum = (/** @type {import("./store.js").PmdColumn} */ column) => store.sum(sample, pmds, column);
  const lookups = levels.reduce((total, level) => total + sum(level.column), 0);
  const share = (/** @type {number} */ hits) => percent(lookups > 0 ? hits / lookups : Number.NaN);
  const work = store.workCycles(sample, pmds);
  const busy = pmds.map((pmd) => store.value(sample, pmd, "busy")).filter((value) => value >= 0);
  const bits = latest.ports.reduce((total, port) => total + port.rxBits, 0);
  const [reason] = Object.entries(latest.drops).sort((a, b) => b[1] - a[1])[0] ?? [];
  /** @type {readonly Tile[]} */
  const tiles = [
    ["Received", packetRate(sum("rate")), `${bitRate(bits)} on all ports`],
    [
      "Busy",
      percent(busy.length > 0 ? busy.reduce((total, value) => total + value, 0) / busy.length : Number.NaN),
      pmds.length === 1 ? "of one core" : `of ${pmds.length} cores`,
    ],
    [
      "Work a packet",
      cycles(work),
      work > 0 ? `${(work / store.description.cyclesPerNs).toFixed(0)}\u00a0ns` : "no packets",
    ],
    [
      "Microflow cache",
      share(sum("microflow")),
      `${share(sum("maskCache"))} mask cache, ${share(sum("masked"))} masked`,
    ],
    ["Upcalls", perSecond(sum("upcalls")), `${perSecond(sum("upcallsLost"))} packets lost`],
    ["Dropped", packetRate(sum("dropped")), reason === undefined ? "nothing" : `mostly: ${reason}`],
    ["Megaflows", count(sum("megaflows")), `under ${count(sum("masks"))} masks`],
  ];
  const list = byId("tiles", HTMLElement);
  setCount(list, tiles.length, () =>
    element("div", {}, element("dt"), element("dd", { class: "big" }), element("dd", { class: "quiet" })),
  );
  tiles.forEach((texts, i) => {
    texts.forEach((text, part) => {
      const cell = list.children[i]?.children[part];
      if (cell) setText(cell, text);
    });
  });
}

/**
 * @param {Store} store
 * @param {Sample} sample
 * @param {Latest} latest
 */
export function drawCores(store, sample, latest) {
  const table = byId("cores", HTMLTableElement);
  const heads = [
    "core",
    "busy",
    "received",
    "work",
    "found by",
    "masks a lookup",
    "upcalls",
    "lost",
    "dropped",
    "megaflows",
    "masks",
  ];
  const body = tableBody(table, heads, [1, 4]);
  setCount(body, sample.pmds.length, () => {
    const row = element("tr", {}, element("th", { scope: "row" }));
    for (const head of heads.slice(1)) row.append(element("td", { "data-label": head }));
    row.children[1]?.append(element("meter", { min: 0, max: 1, class: "busy" }), element("span"));
    row.children[4]?.append(
      element("span", { class: "split", role: "img" }, ...levels.map(() => element("i"))),
    );
    return row;
  });
  sample.pmds.forEach((_, pmd) => {
    const row = body.children[pmd];
    if (row) drawCore(row, store, sample, latest, pmd);
  });
}

/**
 * @param {Element} row
 * @param {Store} store
 * @param {Sample} sample
 * @param {Latest} latest
 * @param {number} pmd
 */
function drawCore(row, store, sample, latest, pmd) {
  const value = (/** @type {import("./store.js").PmdColumn} */ column) => store.value(sample, pmd, column);
  const busy = value("busy");
  const [meter, busyText] = [...(row.children[1]?.children ?? [])];
  if (meter instanceof HTMLMeterElement) {
    meter.value = Math.max(0, busy);
    meter.setAttribute("aria-label", `busy share of PMD ${pmd}`);
  }
  if (busyText) setText(busyText, percent(busy < 0 ? Number.NaN : busy));
  const split = row.children[4]?.firstElementChild;
  if (split instanceof HTMLElement)
    drawSplit(
      split,
      levels.map((level) => value(level.column)),
      latest.bypassed[pmd] === true,
    );
  const texts = /** @type {Record<number, string>} */ ({
    0: pmdName(store.description.pmds[pmd] ?? { index: pmd, core: -1 }),
    2: packetRate(value("rate")),
    3: cycles(value("cycles")),
    5: ratio(value("masksPerLookup")),
    6: perSecond(value("upcalls")),
    7: perSecond(value("upcallsLost")),
    8: packetRate(value("dropped")),
    9: count(value("megaflows")),
    10: count(value("masks")),
  });
  for (const [column, text] of Object.entries(texts)) {
    const cell = row.children[Number(column)];
    if (cell) setText(cell, text);
  }
}

/**
 * @param {HTMLElement} split
 * @param {readonly number[]} hits
 * @param {boolean} bypassed
 */
function drawSplit(split, hits, bypassed) {
  const total = hits.reduce((sum, one) => sum + one, 0);
  const names = levels.map(
    ({ name }, i) => `${name} ${percent(total > 0 ? (hits[i] ?? 0) / total : Number.NaN)}`,
  );
  if (bypassed) names.push("microflow cache left alone, as useless at the moment");
  split.title = names.join("\n");
  split.setAttribute("aria-label", names.join(", "));
  levels.forEach(({ color }, i) => {
    const part = split.children[i];
    if (!(part instanceof HTMLElement)) return;
    part.style.setProperty("--color", `var(${color})`);
    part.style.flexGrow = String(total > 0 ? (hits[i] ?? 0) / total : 0);
  });
}

/** @param {Latest} latest */
export function drawPorts(latest) {
  const heads = ["port", "received", "lost", "sent", "lost", "upcalls"];
  const body = tableBody(byId("ports", HTMLTableElement), heads, []);
  setRows(
    body,
    heads,
    latest.ports.map((port) => [
      `${port.number} ${port.name}`,
      `${packetRate(port.rxPackets)}\n${bitRate(port.rxBits)}`,
      packetRate(port.rxDrops),
      `${packetRate(port.txPackets)}\n${bitRate(port.txBits)}`,
      packetRate(port.txDrops),
      `${perSecond(port.upcalls)}${port.upcallsLost > 0 ? `, ${perSecond(port.upcallsLost)} lost` : ""}`,
    ]),
  );
}

/** @param {Latest} latest */
export function drawDrops(latest) {
  const rows = Object.entries(latest.drops)
    .sort((a, b) => b[1] - a[1])
    .map(([reason, rate]) => [reason, packetRate(rate)]);
  const heads = ["reason", "rate"];
  const body = tableBody(byId("drops", HTMLTableElement), heads, []);
  setRows(body, heads, rows.length > 0 ? rows : [["nothing is dropped", packetRate(0)]]);
}

/**
 * Gives a table its head once, and returns its body.
 * @param {HTMLTableElement} table
 * @param {readonly string[]} heads
 * @param {readonly number[]} wide columns that are not numbers
 */
function tableBody(table, heads, wide) {
  const body = table.tBodies[0];
  if (body !== undefined) return body;
  const cells = heads.map((head, i) =>
    element("th", { scope: "col", class: i === 0 || wide.includes(i) ? "text" : undefined }, head),
  );
  table.append(element("thead", {}, element("tr", {}, ...cells)), element("tbody"));
  return /** @type {HTMLTableSectionElement} */ (table.tBodies[0]);
}

/**
 * @param {Element} body
 * @param {readonly string[]} heads
 * @param {readonly (readonly string[])[]} rows
 */
function setRows(body, heads, rows) {
  setCount(body, rows.length, () => element("tr"));
  rows.forEach((texts, i) => {
    const row = body.children[i];
    if (!row) return;
    setCount(row, texts.length, (at) =>
      at === 0 ? element("th", { scope: "row" }) : element("td", { "data-label": heads[at] }),
    );
    texts.forEach((text, at) => {
      const cell = row.children[at];
      if (cell) setText(cell, text);
    });
  });
}
