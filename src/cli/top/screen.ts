// The terminal of `megaflow top`: its alternate screen, raw keys, and everything as it was at the end. Plain ANSI
// (ECMA-48), which every terminal and ssh has: a screen of text needs no library.

import type { TopLine } from "./view.ts";

const ENTER = "\u001b[?1049h\u001b[?25l\u001b[2J";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

/** See the head of the file. */
export class TopScreen {
  readonly #leave = (): void => {
    process.stdout.write(LEAVE);
  };
  readonly #colours = process.env["NO_COLOR"] === undefined && process.env["TERM"] !== "dumb";

  /** Takes the terminal over. `keys` gets what is typed, `resized` is called when the size changes. */
  constructor(keys: (text: string) => void, resized: () => void) {
    process.stdout.write(ENTER);
    // Whatever ends the process, the terminal gets its screen back.
    process.on("exit", this.#leave);
    if (process.stdin.isTTY) process.stdin.setRawMode(true);
    process.stdin.setEncoding("utf8");
    process.stdin.on("data", keys);
    process.stdin.resume();
    process.stdout.on("resize", resized);
  }

  get width(): number {
    return process.stdout.columns ?? 80;
  }

  get height(): number {
    return process.stdout.rows ?? 24;
  }

  /** Draws all lines in one write, so that nothing flickers. */
  draw(lines: readonly TopLine[]): void {
    const text = lines.map((line) => this.#styled(line) + CLEAR_LINE).join("\r\n");
    process.stdout.write(HOME + text + CLEAR_BELOW);
  }

  /** Gives the terminal back. */
  close(): void {
    process.off("exit", this.#leave);
    this.#leave();
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
    process.stdin.removeAllListeners("data");
    process.stdin.pause();
    process.stdout.removeAllListeners("resize");
  }

  #styled({ text, style }: TopLine): string {
    if (!this.#colours || style === undefined) return text;
    const codes = { title: "1", head: "7", foot: "2" };
    const padded = style === "head" ? text.padEnd(this.width) : text;
    return `\u001b[${codes[style]}m${padded}\u001b[0m`;
  }
}
