// The four charts over time: what each shows, read off the samples.

import { Cursor, TimeChart } from "./chart.js";
import { byId } from "./dom.js";
import { cycles, packetRate, percent, perSecond } from "./format.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./store.js").Sample} Sample */
/** @typedef {import("./chart.js").Series} Series */

const cursor = new Cursor();

/** Levels of the lookup, from the fastest on. */
export const levels = /** @type {const} */ ([
  { column: "microflow", name: "microflow cache", color: "--level0" },
  { column: "maskCache", name: "mask cache", color: "--level1" },
  { column: "masked", name: "masked lookup", color: "--level2" },
  { column: "upcall", name: "upcall", color: "--level3" },
]);

/** Colours of the stages: those that are levels of the lookup have the level's. */
const stageColors = /** @type {Record<string, string>} */ ({
  receive: "--s7",
  "extract and hash": "--s6",
  "microflow name": "--s2",
  "microflow cache": "--level0",
  "mask cache": "--level1",
  "masked lookup": "--level2",
  "actions and transmit": "--s4",
});

/**
 * Name of a PMD with its CPU.
 * @param {{ index: number, core: number }} pmd
 */
export function pmdName({ index, core }) {
  return core < 0 ? `PMD ${index}` : `PMD ${index}, CPU ${core}`;
}

/** Colours to tell things apart; after eight they come round again. */
const colorCount = 8;

/** @param {number} index */
const color = (index) => `--s${index % colorCount}`;

export class Charts {
  #rate = new TimeChart(
    byId("chart-rate", HTMLElement),
    { title: "Packets received", hint: "a second, by core", stacked: false, format: packetRate },
    cursor,
  );
  #stages = new TimeChart(
    byId("chart-stages", HTMLElement),
    {
      title: "Cycles a packet",
      hint: "by stage, of sampled batches",
      stacked: true,
      format: cycles,
      total: true,
    },
    cursor,
  );
  #hits = new TimeChart(
    byId("chart-hits", HTMLElement),
    {
      title: "Found by",
      hint: "share of lookups by the level that answered",
      stacked: true,
      format: percent,
      top: 1,
    },
    cursor,
  );
  #upcalls = new TimeChart(
    byId("chart-upcalls", HTMLElement),
    {
      title: "Upcalls",
      hint: "a second, and packets lost because the controller did not keep up",
      stacked: false,
      format: perSecond,
    },
    cursor,
  );

  /**
   * @param {Store} store
   * @param {readonly number[]} pmds shown
   * @param {number} span milliseconds
   */
  draw(store, pmds, span) {
    const { samples, description } = store;
    const times = samples.map((sample) => sample.time);
    const end = times.at(-1) ?? Date.now();
    const frame = { times, end, span };
    /** @param {(sample: Sample) => number} of */
    const row = (of) => samples.map(of);

    this.#rate.draw(
      pmds.map((pmd) => ({
        name: pmdName(description.pmds[pmd] ?? { index: pmd, core: -1 }),
        color: color(pmd),
      })),
      { ...frame, rows: pmds.map((pmd) => row((sample) => store.value(sample, pmd, "rate"))) },
    );
    this.#stages.draw(
      description.stages.map((name, i) => ({ name, color: stageColors[name] ?? color(i) })),
      {
        ...frame,
        rows: description.stages.map((_, i) => row((sample) => store.stageCycles(sample, pmds, i))),
      },
    );
    const lookups = row((sample) =>
      levels.reduce((sum, level) => sum + store.sum(sample, pmds, level.column), 0),
    );
    this.#hits.draw(levels, {
      ...frame,
      rows: levels.map(({ column }) =>
        samples.map((sample, i) => (lookups[i] ? store.sum(sample, pmds, column) / lookups[i] : Number.NaN)),
      ),
    });
    this.#upcalls.draw(
      [
        { name: "upcalls", color: "--s0" },
        { name: "packets lost", color: "--s5" },
      ],
      {
        ...frame,
        rows: [
          row((sample) => store.sum(sample, pmds, "upcalls")),
          row((sample) => store.sum(sample, pmds, "upcallsLost")),
        ],
      },
    );
  }
}
