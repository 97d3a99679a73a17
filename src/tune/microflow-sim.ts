// The microflow cache in miniature: the replacement of assembly/cache/microflow.ts (signature mode) and
// microflow-exact.ts (exact mode) over the names alone, batch by batch, with the bypass of pmd/microflow.ts.

import { MICROFLOW_BUCKET_WAYS, MICROFLOW_EXACT_WAYS } from "../../assembly/layout/microflow-cache.ts";
import type { Lookups } from "./lookups.ts";
import { Scratch } from "./scratch.ts";

/** A microflow cache to be simulated. */
export interface MicroflowPolicy {
  readonly mode: "signature" | "exact";
  /** 0 = off. */
  readonly entries: number;
  readonly insertInverse: number;
  /** Go around the cache while it is useless, as `microflow.bypass` auto. */
  readonly bypass: boolean;
  /** Lookups in a millisecond: the clock of the exact mode. */
  readonly lookupsPerMs: number;
}

/** One round of a trace through the cache. */
export interface MicroflowRound {
  readonly hits: number;
  readonly inserts: number;
  /** Lookups that went around the cache. */
  readonly bypassed: number;
  /** Places of the misses in the trace, and how many of them there are at the end of each batch. */
  readonly misses: Uint32Array;
  readonly missEnds: Uint32Array;
}

/** Memory for a round's misses: every lookup may be one. */
export interface RoundRoom {
  readonly misses: Uint32Array;
  readonly missEnds: Uint32Array;
}

/** Room for a round of the trace. */
export function roomFor(trace: Lookups): RoundRoom {
  return { misses: new Uint32Array(trace.count), missEnds: new Uint32Array(trace.batchEnds.length) };
}

/** What a long run added up to. */
export interface MicroflowTotals {
  readonly lookups: number;
  readonly hits: number;
  /** Lookups that went around the cache. */
  readonly bypassed: number;
  readonly inserts: number;
}

// As in assembly/pmd/microflow.ts; a test compares the two by what they do.
const TRIAL_PACKETS = 1 << 15;
const BYPASS_PACKETS = 1 << 19;
const USEFUL_SHARE = 128;

/** See the head of the file. State lives on from round to round. */
export class MicroflowSim {
  #policy: MicroflowPolicy;
  /** Signature mode: by set, the names of its ways and then their megaflows (0 = empty), as in the datapath. */
  readonly #sets: Uint32Array;
  /** Exact mode, by way: name, megaflow, the key's hash and the last use. */
  readonly #names: Uint32Array;
  readonly #flows: Uint32Array;
  readonly #keys: Uint32Array;
  readonly #used: Uint32Array;
  readonly #ways: number;
  readonly #setMask: number;
  #random = 0x2545f491;
  #lookups = 0;
  #bypassed = false;
  #periodPackets = 0;
  #periodHits = 0;
  #inserts = 0;

  /** Its memory is of its own, or from a scratch that outlives it. */
  constructor(policy: MicroflowPolicy, scratch = new Scratch()) {
    this.#policy = policy;
    const exact = policy.mode === "exact";
    this.#ways = exact ? MICROFLOW_EXACT_WAYS : MICROFLOW_BUCKET_WAYS;
    const entries = policy.entries === 0 ? 0 : Math.max(policy.entries, this.#ways);
    this.#setMask = Math.max(entries / this.#ways, 1) - 1;
    this.#sets = scratch.take(exact ? 0 : entries * 2);
    this.#names = scratch.take(exact ? entries : 0);
    this.#flows = scratch.take(exact ? entries : 0);
    this.#keys = scratch.take(exact ? entries : 0);
    this.#used = scratch.take(exact ? entries : 0);
  }

  /** Turns the bypass on or off. */
  setBypass(on: boolean): void {
    this.#policy = { ...this.#policy, bypass: on };
    this.#setBypass(false);
  }

  /** Sends the trace through once. The round's arrays lie in `room`, if somebody has some for them. */
  round(trace: Lookups, room: RoundRoom = roomFor(trace)): MicroflowRound {
    const { misses, missEnds } = room;
    const insertsBefore = this.#inserts;
    let missCount = 0;
    let bypassed = 0;
    let start = 0;
    for (let batch = 0; batch < trace.batchEnds.length; batch++) {
      const end = trace.batchEnds[batch]!;
      const missesBefore = missCount;
      if (this.#policy.entries === 0 || this.#bypassed) {
        for (let i = start; i < end; i++) misses[missCount++] = i;
        bypassed += end - start;
      } else {
        missCount = this.#batch(trace, start, end, misses, missCount);
      }
      if (this.#policy.bypass) this.#judge(end - start, end - start - (missCount - missesBefore));
      missEnds[batch] = missCount;
      this.#lookups += end - start;
      start = end;
    }
    return {
      hits: trace.count - missCount,
      inserts: this.#inserts - insertsBefore,
      bypassed,
      misses: misses.subarray(0, missCount),
      missEnds,
    };
  }

  /**
   * Sends the trace round and round with the bypass, `lookups` of them, and adds up what happens. What goes around
   * the cache does not touch it, so it is passed over.
   */
  run(trace: Lookups, lookups: number): MicroflowTotals {
    const sum = { lookups: 0, hits: 0, bypassed: 0, inserts: -this.#inserts };
    const batches = trace.batchEnds.length;
    const misses = new Uint32Array(
      trace.batchEnds.reduce((most, end, i) => Math.max(most, end - (trace.batchEnds[i - 1] ?? 0)), 0),
    );
    const mean = trace.count / batches;
    let batch = 0;
    while (sum.lookups < lookups) {
      if (this.#bypassed) {
        const skipped = Math.max(1, Math.round((BYPASS_PACKETS - this.#periodPackets) / mean));
        batch = (batch + skipped) % batches;
        sum.bypassed += skipped * mean;
        sum.lookups += skipped * mean;
        this.#setBypass(false);
        continue;
      }
      const start = batch === 0 ? 0 : trace.batchEnds[batch - 1]!;
      const end = trace.batchEnds[batch]!;
      const hits = end - start - this.#batch(trace, start, end, misses, 0);
      this.#judge(end - start, hits);
      sum.hits += hits;
      sum.lookups += end - start;
      this.#lookups += end - start;
      batch = (batch + 1) % batches;
    }
    sum.inserts += this.#inserts;
    return sum;
  }

  /** Looks a batch up, and then inserts what it missed; returns the number of misses so far. */
  #batch(trace: Lookups, start: number, end: number, misses: Uint32Array, before: number): number {
    const exact = this.#policy.mode === "exact";
    const count = exact
      ? this.#lookUpExact(trace, start, end, misses, before)
      : this.#lookUp(trace, start, end, misses, before);
    // Where the bypass begins is decided with the lookups: what they missed is not remembered any more.
    if (this.#wouldBypass(end - start, end - start - (count - before))) return count;
    for (let m = before; m < count; m++) {
      const i = misses[m]!;
      if (trace.signatures[i] === 0 || trace.flows[i] === 0) continue;
      const { insertInverse } = this.#policy;
      if (insertInverse !== 1 && this.#next() % insertInverse !== 0) continue;
      if (exact) this.#insertExact(trace, i);
      else this.#insert(trace.signatures[i]!, trace.flows[i]!);
    }
    return count;
  }

  #lookUp(trace: Lookups, start: number, end: number, misses: Uint32Array, before: number): number {
    const sets = this.#sets;
    const setMask = this.#setMask;
    const { signatures, flows } = trace;
    let count = before;
    for (let i = start; i < end; i++) {
      const name = signatures[i]!;
      const flow = flows[i]!;
      const at = (name & setMask) << 3;
      const hit =
        (sets[at] === name && sets[at + 4] === flow) ||
        (sets[at + 1] === name && sets[at + 5] === flow) ||
        (sets[at + 2] === name && sets[at + 6] === flow) ||
        (sets[at + 3] === name && sets[at + 7] === flow);
      misses[count] = i;
      count += hit && name !== 0 && flow !== 0 ? 0 : 1;
    }
    return count;
  }

  #insert(name: number, flow: number): void {
    const sets = this.#sets;
    const first = (name & this.#setMask) << 3;
    let victim = first + (this.#next() & 3);
    for (let at = first; at < first + 4; at++) {
      if (sets[at] === name && sets[at + 4] === flow) return;
      if (sets[at + 4] === 0) victim = at;
    }
    sets[victim] = name;
    sets[victim + 4] = flow;
    this.#inserts++;
  }

  #lookUpExact(trace: Lookups, start: number, end: number, misses: Uint32Array, before: number): number {
    const now = this.#now();
    let count = before;
    for (let i = start; i < end; i++) {
      const name = trace.signatures[i]!;
      const first = (name & this.#setMask) << 1;
      let hit = false;
      for (let at = first; at < first + 2 && !hit; at++) {
        if (this.#names[at] !== name || this.#flows[at] === 0 || this.#keys[at] !== trace.keyHashes[i])
          continue;
        this.#used[at] = now;
        hit = true;
      }
      misses[count] = i;
      count += hit && name !== 0 ? 0 : 1;
    }
    return count;
  }

  #insertExact(trace: Lookups, i: number): void {
    const name = trace.signatures[i]!;
    const first = (name & this.#setMask) << 1;
    const second = first + 1;
    const secondFirst = this.#flows[second] === 0 || this.#used[second]! < this.#used[first]!;
    const at = this.#flows[first] !== 0 && secondFirst ? second : first;
    this.#names[at] = name;
    this.#flows[at] = trace.flows[i]!;
    this.#keys[at] = trace.keyHashes[i]!;
    this.#used[at] = this.#now();
    this.#inserts++;
  }

  #judge(packets: number, hits: number): void {
    if (this.#policy.entries === 0) return;
    this.#periodPackets += packets;
    this.#periodHits += hits;
    if (this.#bypassed) {
      if (this.#periodPackets >= BYPASS_PACKETS) this.#setBypass(false);
    } else if (this.#periodPackets >= TRIAL_PACKETS) {
      this.#setBypass(Math.floor((this.#periodHits * 256) / this.#periodPackets) < USEFUL_SHARE);
    }
  }

  #wouldBypass(packets: number, hits: number): boolean {
    if (!this.#policy.bypass || this.#periodPackets + packets < TRIAL_PACKETS) return false;
    const share = ((this.#periodHits + hits) * 256) / (this.#periodPackets + packets);
    return Math.floor(share) < USEFUL_SHARE;
  }

  #setBypass(on: boolean): void {
    this.#bypassed = on;
    this.#periodPackets = 0;
    this.#periodHits = 0;
  }

  #now(): number {
    return 1 + Math.floor(this.#lookups / this.#policy.lookupsPerMs);
  }

  /** xorshift32 (Marsaglia 2003). */
  #next(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return x >>> 0;
  }
}
