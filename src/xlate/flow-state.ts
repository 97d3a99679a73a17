// The packet during translation: what the pipeline sees of it, what the datapath's copy looks like,
// and which bits of the packet as it came in were looked at.
//
// Every bit of `flow` is either the packet's own bit at the same place, or *known*: written by an
// action, or moved there from bits that were looked at. `settled` has the bits whose value is certain
// for all packets of the megaflow: the known ones and those looked at. Looking at something means
// setting bits in `settled`; `settle` carries the packet's own ones over into `mask`. A field that was
// overwritten before it was looked at therefore costs no bits of the mask.

import {
  KEY_ETH_TYPE,
  KEY_IN_PORT,
  KEY_NW_FRAG,
  KEY_NW_TTL,
  KEY_PACKET_TYPE,
  KEY_RECIRC_ID,
  KEY_TCI0,
  KEY_WORD_COUNT,
  TCI_PRESENT,
} from "../../assembly/layout/flow-key.ts";
import type { OdpPort } from "../odp/action.ts";
import { type FlowKey, getU8, setLe16, setU8 } from "../odp/flow-key.ts";
import { FLOW_ACTSET_OUTPUT, FLOW_OF_IN_PORT, FLOW_WORD_COUNT, flowCreate } from "../openflow/flow-layout.ts";
import { OFPP_UNSET, odpPortToOf } from "../openflow/port.ts";
import { isIp } from "../openflow/prereq.ts";

const TTL_WORD = KEY_NW_TTL >>> 2;
const TTL_SHIFT = (KEY_NW_TTL & 3) * 8;
const TTL_BITS = (0xff << TTL_SHIFT) >>> 0;

/** A copy of what the pipeline sees, to come back to. */
export interface SavedFlow {
  readonly flow: Uint32Array;
  readonly known: Uint32Array;
  readonly ttlSteps: number;
}

/** A copy of what the datapath's packet looks like, to come back to. */
export interface SavedBase {
  readonly base: Uint32Array;
  readonly baseSet: Uint32Array;
  readonly baseTtlSteps: number;
}

/** See the head of the file. One object serves many translations, one after the other. */
export class FlowState {
  /** What the pipeline sees now. */
  readonly flow = flowCreate();
  /** Bits of `flow` that are certain; see above. */
  readonly settled = flowCreate();
  /** Bits of `flow` that are not the packet's own any more. */
  readonly known = flowCreate();
  /** Bits of the packet that decided something; complete after `settle`. */
  readonly mask = flowCreate();
  /** The packet as the datapath has it after the actions emitted so far. */
  readonly base = flowCreate();
  /** Bits of `base` that emitted actions wrote. */
  readonly baseSet = flowCreate();
  /** The packet as it came in. */
  readonly original = flowCreate();
  /** 1 while `flow`'s TTL is the packet's less 1, without its value being certain. */
  ttlSteps = 0;
  /** The same of `base`. */
  baseTtlSteps = 0;
  /** Whether `flow` may differ from `base`. */
  dirty = false;

  /** Begins with a packet: looks at what every mask holds, and clears the pipeline's own words. */
  start(key: FlowKey): void {
    const { flow, settled, known, mask } = this;
    flow.fill(0);
    for (let i = 0; i < KEY_WORD_COUNT; i++) flow[i] = key[i] as number;
    flow[FLOW_OF_IN_PORT >>> 2] = odpPortToOf(key[KEY_IN_PORT >>> 2] as number as OdpPort);
    flow[FLOW_ACTSET_OUTPUT >>> 2] = OFPP_UNSET;
    this.base.set(flow);
    this.original.set(flow);
    this.baseSet.fill(0);
    known.fill(0, 0, KEY_WORD_COUNT).fill(0xffffffff, KEY_WORD_COUNT);
    mask.fill(0);
    mask[KEY_IN_PORT >>> 2] = 0xffffffff;
    mask[KEY_RECIRC_ID >>> 2] = 0xffffffff;
    mask[KEY_PACKET_TYPE >>> 2] = 0xffffffff;
    setLe16(mask, KEY_ETH_TYPE, 0xffff);
    setLe16(mask, KEY_TCI0, TCI_PRESENT);
    if (isIp(flow)) setU8(mask, KEY_NW_FRAG, 3);
    settled.set(mask);
    settled.fill(0xffffffff, KEY_WORD_COUNT);
    this.ttlSteps = 0;
    this.baseTtlSteps = 0;
    this.dirty = false;
  }

  /** Carries what was looked at over into `mask`. */
  settle(): void {
    const { settled, known, mask } = this;
    if (this.ttlSteps !== 0 && ((settled[TTL_WORD] as number) & TTL_BITS) !== 0) this.#fixTtl();
    for (let i = 0; i < KEY_WORD_COUNT; i++) {
      const bits = (settled[i] as number) & ~(known[i] as number);
      if (bits !== 0) mask[i] = ((mask[i] as number) | bits) >>> 0;
    }
  }

  /** The same for one word. */
  settleWord(word: number): void {
    if (word === TTL_WORD && this.ttlSteps !== 0) {
      if (((this.settled[word] as number) & TTL_BITS) !== 0) this.#fixTtl();
    }
    const bits = (this.settled[word] as number) & ~(this.known[word] as number);
    if (word < KEY_WORD_COUNT) this.mask[word] = ((this.mask[word] as number) | bits) >>> 0;
  }

  /** Looks at `size` bytes from `offset`. */
  look(offset: number, size: number): void {
    for (let i = offset; i < offset + size; i++) setU8(this.settled, i, 0xff);
  }

  /** Looks at some bits of a word. */
  lookBits(word: number, bits: number): void {
    this.settled[word] = ((this.settled[word] as number) | bits) >>> 0;
  }

  /**
   * Has to be called before bits of a word of `flow` are written: what was looked at so far belonged to
   * the packet, what is looked at from now on belongs to the new value.
   */
  overwrite(word: number, bits: number): void {
    this.settleWord(word);
    if (word === TTL_WORD && this.ttlSteps !== 0 && (bits & TTL_BITS) !== 0) {
      if ((bits & TTL_BITS) >>> 0 !== TTL_BITS) this.#fixTtl();
      this.ttlSteps = 0;
    }
    this.known[word] = ((this.known[word] as number) | bits) >>> 0;
    this.settled[word] = ((this.settled[word] as number) | bits) >>> 0;
    this.dirty = true;
  }

  /** `overwrite` for `size` bytes from `offset`. */
  overwriteBytes(offset: number, size: number): void {
    const end = offset + size;
    for (let at = offset; at < end; ) {
      const word = at >>> 2;
      const from = at & 3;
      const to = Math.min(4, from + end - at);
      const bits = ((to === 4 ? 0xffffffff : (1 << (to * 8)) - 1) & ~((1 << (from * 8)) - 1)) >>> 0;
      this.overwrite(word, bits);
      at += to - from;
    }
  }

  /** Whether all of `size` bytes from `offset` were written by actions. */
  isKnown(offset: number, size: number): boolean {
    for (let i = offset; i < offset + size; i++) if (getU8(this.known, i) !== 0xff) return false;
    return true;
  }

  /** Whether any of `size` bytes from `offset` has a bit that is certain. */
  isSettled(offset: number, size: number): boolean {
    for (let i = offset; i < offset + size; i++) if (getU8(this.settled, i) !== 0) return true;
    return false;
  }

  /**
   * Takes 1 from the TTL. Looks at its value only as far as is needed to know that it is over 1, unless
   * it was looked at already. Returns false, and changes nothing, when it is not over 1.
   */
  decrementTtl(): boolean {
    const ttl = getU8(this.flow, KEY_NW_TTL);
    const settled = getU8(this.settled, KEY_NW_TTL);
    if (this.ttlSteps !== 0 || getU8(this.known, KEY_NW_TTL) !== 0 || settled === 0xff) {
      this.look(KEY_NW_TTL, 1);
      if (ttl <= 1) return false;
      this.overwriteBytes(KEY_NW_TTL, 1);
      setU8(this.flow, KEY_NW_TTL, ttl - 1);
      return true;
    }
    if (ttl <= 1) {
      setU8(this.settled, KEY_NW_TTL, settled | 0xfe);
      return false;
    }
    if ((ttl & settled & 0xfe) === 0) setU8(this.settled, KEY_NW_TTL, settled | tellingBits(ttl));
    this.settleWord(TTL_WORD);
    setU8(this.settled, KEY_NW_TTL, 0);
    setU8(this.flow, KEY_NW_TTL, ttl - 1);
    this.ttlSteps = 1;
    this.dirty = true;
    return true;
  }

  /** Makes the exact TTL certain; a pending decrement becomes a known value. */
  lookAtTtl(): void {
    if (this.ttlSteps !== 0) this.#fixTtl();
    else this.look(KEY_NW_TTL, 1);
  }

  save(): SavedFlow {
    this.settle();
    return { flow: this.flow.slice(), known: this.known.slice(), ttlSteps: this.ttlSteps };
  }

  restore(saved: SavedFlow): void {
    this.settle();
    this.flow.set(saved.flow);
    this.known.set(saved.known);
    this.ttlSteps = saved.ttlSteps;
    for (let i = 0; i < FLOW_WORD_COUNT; i++) {
      this.settled[i] = ((this.mask[i] as number) | (this.known[i] as number)) >>> 0;
    }
    if (this.ttlSteps !== 0) this.settled[TTL_WORD] = ((this.settled[TTL_WORD] as number) & ~TTL_BITS) >>> 0;
    this.dirty = true;
  }

  saveBase(): SavedBase {
    return { base: this.base.slice(), baseSet: this.baseSet.slice(), baseTtlSteps: this.baseTtlSteps };
  }

  restoreBase(saved: SavedBase): void {
    this.base.set(saved.base);
    this.baseSet.set(saved.baseSet);
    this.baseTtlSteps = saved.baseTtlSteps;
    this.dirty = true;
  }

  #fixTtl(): void {
    this.ttlSteps = 0;
    this.mask[TTL_WORD] = ((this.mask[TTL_WORD] as number) | TTL_BITS) >>> 0;
    this.known[TTL_WORD] = ((this.known[TTL_WORD] as number) | TTL_BITS) >>> 0;
    this.settled[TTL_WORD] = ((this.settled[TTL_WORD] as number) | TTL_BITS) >>> 0;
    this.dirty = true;
  }
}

/**
 * Bits that show that `ttl` is over 1. The top three do for every TTL from 32 up, in one mask; looking at
 * a single set bit would cover more packets at once, but in up to seven masks.
 */
function tellingBits(ttl: number): number {
  return (ttl & 0xe0) !== 0 ? 0xe0 : 0xfe;
}
