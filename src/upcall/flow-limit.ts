// How many megaflows there may be: as many as the setting says, unless so many could not be translated again
// within two seconds of a change, or linear memory holds no more. Nothing is known at first, so that a burst after
// the start is not throttled.

/** Longest that a revalidation of all megaflows may take. */
const REVALIDATION_MS = 2000;
/** Translations that a measurement needs, and the weight of a new one. */
const SAMPLE_MIN = 1000;
const WEIGHT = 0.25;
/** Fewer are allowed under no circumstances. */
const LIMIT_MIN = 1000;
/** After this time it is tried whether there is memory again. */
const MEMORY_RETRY_MS = 10_000;

/** A PMD, as far as its limit goes. */
interface Limited {
  readonly ukeys: { readonly size: number };
  readonly counters: { readonly noMemory: number };
}

/** What stopped a PMD when memory was full. */
interface Full {
  /** Refusals until then. */
  readonly refused: number;
  readonly flows: number;
  readonly untilMs: number;
}

/** See the head of the file. */
export class FlowLimit {
  readonly #configured: () => number;
  readonly #full = new WeakMap<Limited, Full>();
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

  /** Most megaflows of a PMD, where there are so many PMDs. */
  limitOf(pmd: Limited, pmds: number): number {
    return Math.min(this.#limit(pmds), this.#room(pmd));
  }

  /** The lowest limit of a PMD, and what decides it. */
  report(pmds: readonly Limited[]): { flowLimit: number; flowLimitReason: string } {
    const affordable = this.#limit(pmds.length);
    const flowLimit = Math.min(affordable, ...pmds.map((pmd) => this.#room(pmd)));
    return { flowLimit, flowLimitReason: this.#reason(flowLimit, affordable) };
  }

  #reason(limit: number, affordable: number): string {
    if (limit < affordable) {
      return `linear memory is full: it holds ${limit} megaflows; use smaller caches, fewer frames or fewer cores`;
    }
    if (limit === this.#configured()) return "configured";
    const cost = (this.#costMs * 1000).toFixed(1);
    return `a megaflow takes ${cost} us to revalidate: more would take over ${REVALIDATION_MS / 1000} s`;
  }

  #limit(pmds: number): number {
    if (this.#costMs === 0) return this.#configured();
    const affordable = Math.floor(REVALIDATION_MS / this.#costMs / Math.max(1, pmds));
    return Math.min(this.#configured(), Math.max(LIMIT_MIN, affordable));
  }

  /** Megaflows that memory had room for, as long as that is to be believed. */
  #room(pmd: Limited): number {
    const { noMemory } = pmd.counters;
    const known = this.#full.get(pmd);
    const nowMs = performance.now();
    if (noMemory > (known?.refused ?? 0)) {
      const flows = Math.max(1, pmd.ukeys.size);
      this.#full.set(pmd, { refused: noMemory, flows, untilMs: nowMs + MEMORY_RETRY_MS });
      return flows;
    }
    return known !== undefined && nowMs < known.untilMs ? known.flows : Number.POSITIVE_INFINITY;
  }
}
