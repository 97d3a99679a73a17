// Reuse distances: how many other connections sent a packet since this one's last. A cache of C entries with
// perfect least-recently-used replacement hits exactly the lookups with a distance below C (Mattson and others,
// 1970), so one pass tells the hit rate of all sizes. Distances are counted with a Fenwick tree over time
// (Bennett and Kruskal 1975); a sample of connections stands for all (SHARDS, Waldspurger and others 2015).

import { mixName } from "./mix.ts";

/** Buckets an octave of distances above the exact ones. */
const STEPS = 8;
/** Distances below this have a bucket each. */
const EXACT = 2 * STEPS;
const BUCKETS = EXACT + STEPS * 29;

/** Slots that there are at least for each connection: a third of them are free after every compaction. */
const SLOTS_A_CONNECTION = 1.5;

/** Lookups by reuse distance, in buckets of an eighth of an octave. */
export class DistanceHistogram {
  /** Lookups by bucket. */
  readonly counts = new Float64Array(BUCKETS);
  /** First lookups of a connection. */
  firsts = 0;
  total = 0;

  /** Notes `weight` lookups at a distance. */
  add(distance: number, weight = 1): void {
    this.counts[bucketOf(distance)]! += weight;
    this.total += weight;
  }

  /** Notes first lookups. */
  addFirst(weight = 1): void {
    this.firsts += weight;
    this.total += weight;
  }

  /** Share of lookups that an LRU cache of so many entries would answer. */
  hitRate(entries: number): number {
    let hits = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const low = bucketStart(bucket);
      const high = bucketStart(bucket + 1);
      if (entries >= high) hits += this.counts[bucket]!;
      else if (entries > low) hits += (this.counts[bucket]! * (entries - low)) / (high - low);
    }
    return this.total === 0 ? 0 : hits / this.total;
  }

  /**
   * Corrects a sample that drew too few or too many lookups: the difference goes to the shortest distance, since
   * it is the popular connections that are in the sample or not (SHARDS-adj).
   */
  adjust(expected: number): void {
    this.counts[0]! += expected - this.total;
    this.total = expected;
  }

  /** Makes everything so far count for half, so that what is new tells more. */
  halve(): void {
    for (let bucket = 0; bucket < BUCKETS; bucket++) this.counts[bucket]! /= 2;
    this.firsts /= 2;
    this.total /= 2;
  }
}

/** Bucket of a distance. */
export function bucketOf(distance: number): number {
  const whole = Math.floor(distance);
  if (whole < EXACT) return whole;
  const octave = 31 - Math.clz32(whole);
  const step = (whole >>> (octave - 3)) & (STEPS - 1);
  return EXACT + (octave - 4) * STEPS + step;
}

/** Least distance of a bucket. */
export function bucketStart(bucket: number): number {
  if (bucket < EXACT) return bucket;
  const octave = 4 + Math.floor((bucket - EXACT) / STEPS);
  return (STEPS + ((bucket - EXACT) % STEPS)) * 2 ** (octave - 3);
}

/** Options of a tracker. */
export interface TrackerOptions {
  /** Share of connections that are told to it: distances count that many times more. */
  readonly share?: number;
  /** Most connections that it remembers; the one not seen longest is forgotten. */
  readonly limit?: number;
}

/** Turns names, one lookup after the other, into a histogram of reuse distances. */
export class ReuseTracker {
  histogram = new DistanceHistogram();
  readonly #share: number;
  /** Open hash table: name -> slot of the last use + 1. */
  #names: Uint32Array;
  #slots: Uint32Array;
  #known = 0;
  /** Fenwick tree: a 1 at the slot of each connection's last use. */
  #tree: Uint32Array;
  /** Name that used a slot; 0 = a later slot took over. */
  #owners: Uint32Array;
  #next = 0;
  readonly #limit: number;

  constructor(options: TrackerOptions = {}) {
    this.#share = options.share ?? 1;
    this.#limit = options.limit ?? 1 << 22;
    this.#names = new Uint32Array(1 << 12);
    this.#slots = new Uint32Array(1 << 12);
    const slots = 1 << 13;
    this.#tree = new Uint32Array(slots + 1);
    this.#owners = new Uint32Array(slots);
  }

  /** Connections that it remembers. */
  get connections(): number {
    return this.#known;
  }

  /** Hands the histogram out and begins a new one; what was seen is not forgotten. */
  takeHistogram(): DistanceHistogram {
    const taken = this.histogram;
    this.histogram = new DistanceHistogram();
    return taken;
  }

  /** Takes the lookup of a connection. 0 is nobody's name. */
  touch(name: number): void {
    if (name === 0) return;
    if (this.#next === this.#owners.length) this.#compact();
    const place = this.#place(name);
    const slot = this.#next++;
    const before = this.#slots[place]!;
    if (before === 0) {
      this.histogram.addFirst(1 / this.#share);
      this.#known++;
      this.#names[place] = name;
    } else {
      const distance = this.#known - this.#sum(before);
      this.histogram.add(distance / this.#share, 1 / this.#share);
      this.#update(before, -1);
      this.#owners[before - 1] = 0;
    }
    this.#slots[place] = slot + 1;
    this.#owners[slot] = name;
    this.#update(slot + 1, 1);
    if (this.#known * 2 > this.#names.length) this.#rehash(this.#names.length * 2);
  }

  #place(name: number): number {
    const mask = this.#names.length - 1;
    let at = mixName(name) & mask;
    while (this.#slots[at] !== 0 && this.#names[at] !== name) at = (at + 1) & mask;
    return at;
  }

  /** Connections whose last use is in the first `slot` slots. */
  #sum(slot: number): number {
    let sum = 0;
    for (let at = slot; at > 0; at &= at - 1) sum += this.#tree[at]!;
    return sum;
  }

  #update(slot: number, by: number): void {
    const { length } = this.#tree;
    for (let at = slot; at < length; at += at & -at) this.#tree[at]! += by;
  }

  /** Moves the slots in use to the front, forgetting the oldest when there are too many; grows when it must. */
  #compact(): void {
    const keep = Math.min(this.#known, this.#limit);
    const drop = this.#known - keep;
    const size = Math.max(this.#owners.length, 1 << Math.ceil(Math.log2(keep * SLOTS_A_CONNECTION + 16)));
    const grows = size > this.#owners.length;
    const owners = grows ? new Uint32Array(size) : this.#owners;
    let to = 0;
    let skipped = 0;
    for (let from = 0; from < this.#next; from++) {
      const owner = this.#owners[from]!;
      if (owner === 0 || skipped++ < drop) continue;
      owners[to++] = owner;
    }
    owners.fill(0, to);
    this.#owners = owners;
    this.#next = to;
    this.#known = to;
    this.#rehash(this.#names.length);
    if (grows) this.#tree = new Uint32Array(size + 1);
    else this.#tree.fill(0);
    for (let slot = 1; slot <= to; slot++) this.#tree[slot] = 1;
    for (let slot = 1; slot <= size; slot++) {
      const parent = slot + (slot & -slot);
      if (parent <= size) this.#tree[parent]! += this.#tree[slot]!;
    }
  }

  #rehash(size: number): void {
    if (size === this.#names.length) {
      this.#names.fill(0);
      this.#slots.fill(0);
    } else {
      this.#names = new Uint32Array(size);
      this.#slots = new Uint32Array(size);
    }
    for (let slot = 0; slot < this.#next; slot++) {
      const owner = this.#owners[slot]!;
      if (owner === 0) continue;
      const place = this.#place(owner);
      this.#names[place] = owner;
      this.#slots[place] = slot + 1;
    }
  }
}
