// Numbers for things that the datapath only knows by number: frozen translations (recirc_id) and what a
// userspace action stands for (cookie). Equal content gets the same number, so that translating a packet
// again gives the same actions.

import type { Registry } from "./translation.ts";

/** Numbers given out by a registry fit the datapath's 32 bits. */
const ID_MAX = 0xffffffff;

interface Entry<T> {
  readonly item: T;
  readonly key: string;
  users: number;
  /** Sweeps that had been made when somebody last asked for it or left it. */
  touched: number;
}

/** Interned items; those that nobody uses any more go at the second `sweep` from then on. */
export class InternTable<T> implements Registry<T> {
  readonly #byKey = new Map<string, number>();
  readonly #byId = new Map<number, Entry<T>>();
  #next = 1;
  #sweeps = 0;

  get size(): number {
    return this.#byId.size;
  }

  intern(item: T): number {
    const key = contentKey(item);
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      (this.#byId.get(known) as Entry<T>).touched = this.#sweeps;
      return known;
    }
    if (this.#byId.size >= ID_MAX - 1) return 0;
    while (this.#byId.has(this.#next)) this.#advance();
    const id = this.#next;
    this.#advance();
    this.#byKey.set(key, id);
    this.#byId.set(id, { item, key, users: 0, touched: this.#sweeps });
    return id;
  }

  get(id: number): T | undefined {
    return this.#byId.get(id)?.item;
  }

  /** One more megaflow leads to `id`. */
  retain(id: number): void {
    const entry = this.#byId.get(id);
    if (entry !== undefined) entry.users++;
  }

  /** One megaflow less leads to `id`. */
  release(id: number): void {
    const entry = this.#byId.get(id);
    if (entry === undefined || entry.users === 0) return;
    entry.users--;
    entry.touched = this.#sweeps;
  }

  /**
   * Forgets what no megaflow leads to and nobody has asked for since the sweep before the last; packets that are
   * between two passes have that long to get through.
   */
  sweep(): void {
    this.#sweeps++;
    for (const [id, { key, users, touched }] of this.#byId) {
      if (users > 0 || this.#sweeps - touched < 2) continue;
      this.#byId.delete(id);
      this.#byKey.delete(key);
    }
  }

  #advance(): void {
    this.#next = this.#next === ID_MAX ? 1 : this.#next + 1;
  }
}

/** A text that is equal for equal content. */
function contentKey(item: unknown): string {
  return JSON.stringify(item, (name, value: unknown) => {
    if (typeof value === "bigint") return `${value}n`;
    if (ArrayBuffer.isView(value))
      return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex");
    if (name === "field" && typeof value === "object" && value !== null) return (value as { id: number }).id;
    return value;
  });
}
