// The megaflows of a PMD by number. Numbers are dense and used again, so that the table is an array: a pass
// over it can stop anywhere and go on later, while megaflows come and go.

import type { Ukey } from "./ukey.ts";

/** See the head of the file. A megaflow's cookie is its place + 1. */
export class UkeyTable {
  readonly #slots: (Ukey | undefined)[] = [];
  readonly #free: number[] = [];
  #size = 0;

  /** Megaflows in the table. */
  get size(): number {
    return this.#size;
  }

  /** Places, taken or not: what a pass goes through. */
  get length(): number {
    return this.#slots.length;
  }

  /** The cookie that the next `add` has to bring. */
  get nextCookie(): number {
    return this.#free.length > 0 ? this.#free[this.#free.length - 1]! + 1 : this.#slots.length + 1;
  }

  /** Takes a megaflow up, under the cookie that `nextCookie` gave. */
  add(ukey: Ukey): void {
    if (this.#free.length > 0) this.#slots[this.#free.pop()!] = ukey;
    else this.#slots.push(ukey);
    this.#size++;
  }

  /** The megaflow with this cookie. */
  get(cookie: number): Ukey | undefined {
    return this.#slots[cookie - 1];
  }

  /** The megaflow at a place from 0 to length - 1, if there is one. */
  at(place: number): Ukey | undefined {
    return this.#slots[place];
  }

  /** Forgets the megaflow with this cookie; returns whether there was one. */
  delete(cookie: number): boolean {
    if (this.#slots[cookie - 1] === undefined) return false;
    this.#slots[cookie - 1] = undefined;
    this.#free.push(cookie - 1);
    this.#size--;
    return true;
  }

  /** All of them; they may be deleted on the way, and those added on the way may be left out. */
  *values(): IterableIterator<Ukey> {
    for (let place = 0; place < this.#slots.length; place++) {
      const ukey = this.#slots[place];
      if (ukey !== undefined) yield ukey;
    }
  }
}
