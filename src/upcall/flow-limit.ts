// How many megaflows there may be: as many as the setting says, unless so many could not be translated again
// within two seconds of a change. Nothing is known at first, so that a burst after the start is not throttled.

/** Longest that a revalidation of all megaflows may take. */
const REVALIDATION_MS = 2000;
/** Translations that a measurement needs, and the weight of a new one. */
const SAMPLE_MIN = 1000;
const WEIGHT = 0.25;
/** Fewer are allowed under no circumstances. */
const LIMIT_MIN = 1000;

/** See the head of the file. */
export class FlowLimit {
  readonly #configured: () => number;
  /** Milliseconds a translation of a megaflow takes; 0 = not known. */
  #costMs = 0;

  /** `configured`: most megaflows a PMD. */
  constructor(configured: () => number) {
    this.#configured = configured;
  }

  /** Takes in what a round of revalidation has cost. */
  measured(translations: number, workMs: number): void {
    if (translations < SAMPLE_MIN) return;
    const cost = workMs / translations;
    this.#costMs = this.#costMs === 0 ? cost : this.#costMs * (1 - WEIGHT) + cost * WEIGHT;
  }

  /** Most megaflows a PMD, where there are so many PMDs. */
  limit(pmds: number): number {
    if (this.#costMs === 0) return this.#configured();
    const affordable = Math.floor(REVALIDATION_MS / this.#costMs / Math.max(1, pmds));
    return Math.min(this.#configured(), Math.max(LIMIT_MIN, affordable));
  }

  /** What decides the limit. */
  reason(pmds: number): string {
    if (this.limit(pmds) === this.#configured()) return "configured";
    const cost = (this.#costMs * 1000).toFixed(1);
    return `a megaflow takes ${cost} us to revalidate: more would take over ${REVALIDATION_MS / 1000} s`;
  }
}
