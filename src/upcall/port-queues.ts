// Upcalls that wait for the controller, a queue a port, served in turn: a port that makes ten thousand
// upcalls delays those of another one by a single translation each.

import type { PacketIn } from "./handler.ts";

const FIRST_SIZE = 64;
const WORDS = 4;

/** What became of a port's upcalls. */
export interface PortUpcallCounters {
  /** Packets that nothing matched, one an upcall; those that waited behind them are not in it. */
  misses: number;
  /** Packets that actions sent to the controller. */
  punts: number;
  translations: number;
  /** Misses that a megaflow just installed answered, without another translation. */
  deduplicated: number;
  installed: number;
  notInstalled: number;
}

/** The upcalls of one port, first in, first out. */
export class PortQueue {
  /** Datapath port. */
  readonly port: number;
  readonly counters: PortUpcallCounters = {
    misses: 0,
    punts: 0,
    translations: 0,
    deduplicated: 0,
    installed: 0,
    notInstalled: 0,
  };
  /** Upcalls that wait. */
  waiting = 0;
  #words = new Uint32Array(FIRST_SIZE * WORDS);
  #punts: (PacketIn | undefined)[] = new Array<PacketIn | undefined>(FIRST_SIZE).fill(undefined);
  #head = 0;

  constructor(port: number) {
    this.port = port;
  }

  /** A miss: the upcall to answer, the number of its key, its packet's bytes and when it was queued. */
  addMiss(pending: number, keyNumber: number, length: number, timeUs: number): void {
    const at = this.#next() * WORDS;
    this.#words[at] = pending;
    this.#words[at + 1] = keyNumber;
    this.#words[at + 2] = length;
    this.#words[at + 3] = timeUs;
  }

  /** A packet that an action sent up; undefined where nobody knows its cookie any more. */
  addPunt(packet: PacketIn | undefined): void {
    const place = this.#next();
    this.#words[place * WORDS] = 0;
    this.#punts[place] = packet;
  }

  /** The oldest: the upcall to answer, 0 for a packet that an action sent up. */
  get pending(): number {
    return this.#words[this.#head * WORDS]!;
  }

  get keyNumber(): number {
    return this.#words[this.#head * WORDS + 1]!;
  }

  get length(): number {
    return this.#words[this.#head * WORDS + 2]!;
  }

  get timeUs(): number {
    return this.#words[this.#head * WORDS + 3]!;
  }

  get punt(): PacketIn | undefined {
    return this.#punts[this.#head];
  }

  /** Takes the oldest out. */
  shift(): void {
    this.#punts[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#punts.length - 1);
    this.waiting--;
  }

  #next(): number {
    if (this.waiting === this.#punts.length) this.#grow();
    return (this.#head + this.waiting++) & (this.#punts.length - 1);
  }

  #grow(): void {
    const { length } = this.#punts;
    const words = new Uint32Array(length * 2 * WORDS);
    words.set(this.#words.subarray(this.#head * WORDS));
    words.set(this.#words.subarray(0, this.#head * WORDS), (length - this.#head) * WORDS);
    this.#words = words;
    this.#punts = [
      ...this.#punts.slice(this.#head),
      ...this.#punts.slice(0, this.#head),
      ...new Array<undefined>(length).fill(undefined),
    ];
    this.#head = 0;
  }
}

/** The queues of all ports of a PMD. */
export class PortQueues {
  readonly #byPort: (PortQueue | undefined)[] = [];
  /** Ports that have something waiting. */
  readonly #active: PortQueue[] = [];
  #turn = 0;

  /** The queue of a port, for adding to it: tell `added` afterwards. */
  of(port: number): PortQueue {
    let queue = this.#byPort[port];
    if (queue === undefined) {
      queue = new PortQueue(port);
      this.#byPort[port] = queue;
    }
    return queue;
  }

  /** Something was added to the queue. */
  added(queue: PortQueue): void {
    if (queue.waiting === 1) this.#active.push(queue);
  }

  /** The queue whose turn it is; undefined when nothing waits. Its oldest upcall has to be taken out next. */
  get next(): PortQueue | undefined {
    if (this.#turn >= this.#active.length) this.#turn = 0;
    return this.#active[this.#turn];
  }

  /** Takes out the upcall that was served, and goes on to the next port. */
  served(): void {
    const queue = this.#active[this.#turn]!;
    queue.shift();
    if (queue.waiting > 0) this.#turn++;
    else this.#active.splice(this.#turn, 1);
  }

  /** Upcalls that wait, over all ports. */
  get waiting(): number {
    return this.#active.reduce((sum, queue) => sum + queue.waiting, 0);
  }

  /** Every port that ever made an upcall. */
  all(): PortQueue[] {
    return this.#byPort.filter((queue) => queue !== undefined);
  }
}
