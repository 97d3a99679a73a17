// What the page knows: the description of the switch and the samples of the last 15 minutes, by column.

/** @typedef {import("../src/page/shapes.ts").Sample} Sample */
/** @typedef {import("../src/page/shapes.ts").Description} Description */
/** @typedef {import("../src/page/shapes.ts").PmdColumn} PmdColumn */

/** Seconds of history that are kept. */
const KEEP_MS = 900_000;

export class Store {
  /** @type {Description} */
  description;
  /** @type {Sample[]} */
  #samples = [];

  /** @param {Description} description */
  constructor(description) {
    this.description = description;
  }

  /** @returns {readonly Sample[]} oldest first */
  get samples() {
    return this.#samples;
  }

  /** @param {readonly Sample[]} samples */
  replace(samples) {
    this.#samples = [...samples];
  }

  /**
   * Adds the newest sample. Returns false when samples are missing in between: then the history has to be read again.
   * @param {Sample} sample
   */
  add(sample) {
    const last = this.#samples.at(-1);
    if (last !== undefined && sample.seq <= last.seq) {
      // The last event again, after a reconnect; or a server that began anew.
      return sample.seq === last.seq;
    }
    const whole = last === undefined || sample.seq === last.seq + 1;
    this.#samples.push(sample);
    while ((this.#samples[0]?.time ?? 0) < sample.time - KEEP_MS) this.#samples.shift();
    return whole;
  }

  /**
   * A number of one PMD.
   * @param {Sample} sample
   * @param {number} pmd
   * @param {PmdColumn} column
   */
  value(sample, pmd, column) {
    return sample.pmds[pmd]?.[this.description.columns.indexOf(column)] ?? 0;
  }

  /**
   * The sum of a number over PMDs.
   * @param {Sample} sample
   * @param {readonly number[]} pmds
   * @param {PmdColumn} column
   */
  sum(sample, pmds, column) {
    return pmds.reduce((sum, pmd) => sum + this.value(sample, pmd, column), 0);
  }

  /**
   * Cycles a packet of a stage over PMDs: the mean, weighted by packets.
   * @param {Sample} sample
   * @param {readonly number[]} pmds
   * @param {number} stage
   */
  stageCycles(sample, pmds, stage) {
    const at = this.description.columns.length + stage;
    return this.#weighted(sample, pmds, (row) => row[at] ?? 0);
  }

  /**
   * Cycles of work a packet over PMDs.
   * @param {Sample} sample
   * @param {readonly number[]} pmds
   */
  workCycles(sample, pmds) {
    const at = this.description.columns.indexOf("cycles");
    return this.#weighted(sample, pmds, (row) => row[at] ?? 0);
  }

  /**
   * @param {Sample} sample
   * @param {readonly number[]} pmds
   * @param {(row: readonly number[]) => number} of 0 where it is not known
   */
  #weighted(sample, pmds, of) {
    let sum = 0;
    let weight = 0;
    for (const pmd of pmds) {
      const row = sample.pmds[pmd];
      if (row === undefined || of(row) === 0) continue;
      const rate = this.value(sample, pmd, "rate");
      sum += of(row) * rate;
      weight += rate;
    }
    return weight === 0 ? 0 : sum / weight;
  }
}
