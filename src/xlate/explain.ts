// Keeps account of who asked for which bits of a megaflow's mask.

import { KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import type { FlowState } from "./flow-state.ts";

/** Bits of the mask with the reason they are there. */
export interface ExplainedBits {
  readonly reason: string;
  /** KEY_WORD_COUNT words; every bit of the mask is in exactly one entry. */
  readonly bits: Uint32Array;
}

/** All of a mask's bits, by reason, in the order in which they were asked for. */
export type Explanation = readonly ExplainedBits[];

/** Watches a flow state's mask grow. */
export class MaskExplainer {
  readonly #state: FlowState;
  readonly #seen = new Uint32Array(KEY_WORD_COUNT);
  readonly #entries = new Map<string, Uint32Array>();

  constructor(state: FlowState) {
    this.#state = state;
  }

  /** Says that what was looked at since the last call was looked at for `reason`. */
  note(reason: string): void {
    const { settled, known, mask } = this.#state;
    let bits: Uint32Array | undefined;
    for (let i = 0; i < KEY_WORD_COUNT; i++) {
      const all = ((mask[i] as number) | ((settled[i] as number) & ~(known[i] as number))) >>> 0;
      const fresh = (all & ~(this.#seen[i] as number)) >>> 0;
      if (fresh === 0) continue;
      bits ??= this.#bitsOf(reason);
      bits[i] = ((bits[i] as number) | fresh) >>> 0;
      this.#seen[i] = ((this.#seen[i] as number) | fresh) >>> 0;
    }
  }

  /** The account, cut down to the bits that are in the final mask. */
  finish(mask: Uint32Array): Explanation {
    const entries: ExplainedBits[] = [];
    for (const [reason, bits] of this.#entries) {
      const kept = bits.map((word, i) => (word & (mask[i] as number)) >>> 0);
      if (kept.some((word) => word !== 0)) entries.push({ reason, bits: kept });
    }
    const rest = mask.map((word, i) => (word & ~(this.#seen[i] as number)) >>> 0);
    if (rest.some((word) => word !== 0)) entries.push({ reason: "completion of the mask", bits: rest });
    return entries;
  }

  #bitsOf(reason: string): Uint32Array {
    let bits = this.#entries.get(reason);
    if (bits === undefined) {
      bits = new Uint32Array(KEY_WORD_COUNT);
      this.#entries.set(reason, bits);
    }
    return bits;
  }
}
