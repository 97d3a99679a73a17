// Seeded randomness for workloads: the same seed gives the same trace on every machine and Node version.
// sfc32 (C. Doty-Humphrey's small fast chaotic generator) with four words of state.

/** A stream of random numbers that depends on its seed and label alone. */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  /** `label` separates streams of one seed, so that one option does not change what another draws. */
  constructor(seed: number, label: string) {
    this.a = seed | 0;
    this.b = fnv1a(label);
    this.c = 0x9e3779b9 | 0;
    for (let i = 0; i < 15; i++) this.word();
  }

  /** A 32-bit unsigned integer. */
  word(): number {
    const sum = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (this.c << 21) | (this.c >>> 11) | 0;
    this.c = (this.c + sum) | 0;
    return sum >>> 0;
  }

  /** A number in [0, 1) with 32 bits. */
  unit(): number {
    return this.word() / 4294967296;
  }

  /** An integer in [0, bound), bound below 2^32; the bias of at most bound / 2^32 does not matter here. */
  below(bound: number): number {
    return Math.floor(this.unit() * bound);
  }

  /** One of `choices`, each as likely as its weight. */
  weighted<T>(choices: readonly (readonly [T, number])[]): T {
    const total = choices.reduce((sum, choice) => sum + choice[1], 0);
    let left = this.unit() * total;
    for (const [value, weight] of choices) {
      left -= weight;
      if (left < 0) return value;
    }
    return choices[choices.length - 1]![0];
  }
}

/** The numbers 0 .. count - 1 in random order. */
export function permutation(count: number, random: Random): Uint32Array {
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  shuffle(order, random);
  return order;
}

/** Puts `items` in random order (Fisher and Yates). */
export function shuffle(items: Uint32Array, random: Random): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const held = items[i]!;
    items[i] = items[j]!;
    items[j] = held;
  }
}

/** Draws ranks 0 .. count - 1, rank r with weight 1 / (r + 1)^exponent, in constant time (Walker's alias method). */
export class Zipf {
  private readonly threshold: Float64Array;
  private readonly alias: Uint32Array;

  constructor(
    private readonly count: number,
    exponent: number,
  ) {
    const scaled = new Float64Array(count);
    let total = 0;
    for (let i = 0; i < count; i++) total += scaled[i] = (i + 1) ** -exponent;
    for (let i = 0; i < count; i++) scaled[i] = (scaled[i]! * count) / total;
    this.threshold = new Float64Array(count).fill(1);
    this.alias = new Uint32Array(count);
    this.pair(scaled);
  }

  /** A rank; 0 is the most popular. */
  draw(random: Random): number {
    const slot = random.below(this.count);
    return random.unit() < this.threshold[slot]! ? slot : this.alias[slot]!;
  }

  /** Fills every slot that is too light with a share of one that is too heavy. */
  private pair(scaled: Float64Array): void {
    const light: number[] = [];
    const heavy: number[] = [];
    for (let i = 0; i < scaled.length; i++) (scaled[i]! < 1 ? light : heavy).push(i);
    while (light.length > 0 && heavy.length > 0) {
      const small = light.pop()!;
      const large = heavy.pop()!;
      this.threshold[small] = scaled[small]!;
      this.alias[small] = large;
      scaled[large] = scaled[large]! + scaled[small]! - 1;
      (scaled[large]! < 1 ? light : heavy).push(large);
    }
  }
}

/** Scrambles 32 bits reversibly: different numbers stay different (the finaliser of MurmurHash3). */
export function scramble(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash | 0;
}
