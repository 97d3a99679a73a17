// The MAC learning table of a bridge: which port an address was last seen on, a VLAN at a time. Times
// are given by the caller.

import type { OfPort } from "../openflow/port.ts";

/** Seconds after which an address that was not seen is forgotten (Open vSwitch's default). */
export const MAC_AGE_SECONDS = 300;
/** Most addresses kept (Open vSwitch's default). */
export const MAC_ENTRIES_MAX = 8192;
/** One learned address. */
export interface MacEntry {
  readonly mac: bigint;
  readonly vlan: number;
  port: OfPort;
  /** When it was last seen. */
  usedMs: number;
}

/** Learned addresses, the least recently seen first. */
export class MacTable {
  readonly #entries = new Map<string, MacEntry>();
  ageSeconds = MAC_AGE_SECONDS;
  entriesMax = MAC_ENTRIES_MAX;
  /** Grows whenever an address moves, comes or goes: cached answers may be stale then. */
  generation = 0;
  readonly #changed: (mac: bigint, vlan: number) => void;

  /** `changed` is told of every address that moves, comes or goes. */
  constructor(changed: (mac: bigint, vlan: number) => void = () => {}) {
    this.#changed = changed;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The port an address was learned on, or undefined. */
  lookup(mac: bigint, vlan: number): OfPort | undefined {
    return this.#entries.get(keyOf(mac, vlan))?.port;
  }

  /** Notes that an address was seen on a port; returns whether that changed where it is. */
  learn(mac: bigint, vlan: number, port: OfPort, nowMs: number): boolean {
    const key = keyOf(mac, vlan);
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      this.#makeRoom();
      this.#entries.set(key, { mac, vlan, port, usedMs: nowMs });
      this.#note(mac, vlan);
      return true;
    }
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.usedMs = Math.max(entry.usedMs, nowMs);
    if (entry.port === port) return false;
    entry.port = port;
    this.#note(mac, vlan);
    return true;
  }

  /** Forgets addresses that were not seen for the age; returns whether there were any. */
  expire(nowMs: number): boolean {
    const before = this.#entries.size;
    for (const [key, entry] of this.#entries) {
      if (nowMs - entry.usedMs < this.ageSeconds * 1000) continue;
      this.#entries.delete(key);
      this.#note(entry.mac, entry.vlan);
    }
    return this.#entries.size < before;
  }

  /** Forgets everything, or everything learned on a port. */
  flush(port?: OfPort): void {
    for (const [key, entry] of this.#entries) {
      if (port !== undefined && entry.port !== port) continue;
      this.#entries.delete(key);
      this.#note(entry.mac, entry.vlan);
    }
  }

  /** The entries, the least recently seen first. */
  entries(): IterableIterator<MacEntry> {
    return this.#entries.values();
  }

  #makeRoom(): void {
    while (this.#entries.size >= this.entriesMax) {
      const oldest = this.#entries.entries().next();
      if (oldest.done === true) return;
      const [key, { mac, vlan }] = oldest.value;
      this.#entries.delete(key);
      this.#note(mac, vlan);
    }
  }

  #note(mac: bigint, vlan: number): void {
    this.generation++;
    this.#changed(mac, vlan);
  }
}

function keyOf(mac: bigint, vlan: number): string {
  return `${vlan}/${mac.toString(16)}`;
}
