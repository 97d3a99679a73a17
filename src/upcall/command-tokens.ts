// What the replies to commands are about. Tokens count up by one and replies come in order, so that a ring
// of places by token does, without hashing.

const FIRST_SIZE = 1024;

/** See the head of the file. */
export class CommandTokens<T> {
  #items: (T | undefined)[] = new Array<T | undefined>(FIRST_SIZE).fill(undefined);
  #tokens = new Uint32Array(FIRST_SIZE);
  #count = 0;

  /** Commands whose reply has not been taken. */
  get count(): number {
    return this.#count;
  }

  /** Notes what the command with this token is about. */
  set(token: number, item: T): void {
    while (this.#items[token & (this.#items.length - 1)] !== undefined) this.#grow();
    this.#place(token, item);
    this.#count++;
  }

  /** What the reply is about; once. */
  take(token: number): T | undefined {
    const at = token & (this.#items.length - 1);
    const item = this.#items[at];
    if (item === undefined || this.#tokens[at] !== token) return undefined;
    this.#items[at] = undefined;
    this.#count--;
    return item;
  }

  #place(token: number, item: T): void {
    const at = token & (this.#items.length - 1);
    this.#items[at] = item;
    this.#tokens[at] = token;
  }

  #grow(): void {
    const { length } = this.#items;
    const items = this.#items;
    const tokens = this.#tokens;
    this.#items = new Array<T | undefined>(length * 2).fill(undefined);
    this.#tokens = new Uint32Array(length * 2);
    for (let i = 0; i < length; i++) {
      const item = items[i];
      if (item !== undefined) this.#place(tokens[i]!, item);
    }
  }
}
