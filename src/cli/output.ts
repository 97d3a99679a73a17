// Standard output: lines gather and are written in large pieces, and a slow reader slows the writer down.

const PIECE = 64 * 1024;

/** Writes text to standard output. */
export class Output {
  #text = "";

  /** Adds a line. */
  line(text: string): void {
    this.#text += `${text}\n`;
  }

  /** Adds text as it is. */
  raw(text: string): void {
    this.#text += text;
  }

  /** Whether it is time to await `flush`. */
  get full(): boolean {
    return this.#text.length >= PIECE;
  }

  /** Hands on what is gathered; resolves when there is room for more. */
  async flush(): Promise<void> {
    const text = this.#text;
    this.#text = "";
    if (text === "" || process.stdout.write(text)) return;
    await new Promise<void>((resolve) => process.stdout.once("drain", resolve));
  }
}
