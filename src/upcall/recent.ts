// Megaflows installed a moment ago. Packets of many connections of one aggregate miss before its megaflow is
// there; the first is translated, and the others find its answer here. A cache: what it forgets costs a
// translation, and the datapath then finds that the megaflow is there already.

import { ufidWord } from "../odp/ufid.ts";
import type { MegaflowMask } from "../xlate/mask-limit.ts";
import type { Ukey } from "./ukey.ts";
import type { UkeyTable } from "./ukey-table.ts";

/** Megaflows remembered: more than upcalls that can be on their way. */
const PLACES = 8192;
/** Masks tried; with more in use trying costs as much as translating. */
const MASKS = 8;

/** See the head of the file. */
export class RecentMegaflows {
  readonly #places: (Ukey | undefined)[] = new Array<Ukey | undefined>(PLACES).fill(undefined);
  readonly #hashes = new Uint32Array(PLACES);
  /** Masks of megaflows that were put last, the latest first. */
  #masks: MegaflowMask[] = [];
  readonly #installed: UkeyTable;

  constructor(installed: UkeyTable) {
    this.#installed = installed;
  }

  /** Remembers a megaflow. `hash` is the first word of its UFID. */
  note(ukey: Ukey, hash: number): void {
    const place = hash & (PLACES - 1);
    this.#places[place] = ukey;
    this.#hashes[place] = hash;
    const masks = this.#masks;
    if (masks[0] === ukey.shape) return;
    const at = masks.indexOf(ukey.shape);
    if (at > 0) masks.splice(at, 1);
    masks.unshift(ukey.shape);
    if (masks.length > MASKS) masks.pop();
  }

  /** The megaflow that answers for this key, if one is known. */
  find(key: Uint32Array): Ukey | undefined {
    for (const mask of this.#masks) {
      const hash = ufidWord(key, mask.bits, mask.words);
      const place = hash & (PLACES - 1);
      const ukey = this.#places[place];
      if (ukey === undefined || this.#hashes[place] !== hash || ukey.shape !== mask) continue;
      // One that is gone by now has left its number, and maybe its key's place, to another.
      if (this.#installed.get(ukey.cookie) !== ukey || !answers(ukey)) continue;
      if (!ukey.hasEffects && ukey.covers(key)) return ukey;
    }
    return undefined;
  }

  /** Forgets all: they may answer wrongly now. */
  clear(): void {
    if (this.#masks.length === 0) return;
    this.#places.fill(undefined);
    this.#masks = [];
  }
}

/** Whether what the books say of a megaflow is what the PMD does, or will do. */
function answers({ state }: Ukey): boolean {
  return state === "live" || state === "putting";
}
