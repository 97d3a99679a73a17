// A line on standard error that says how far a long command is; nothing where that is not a terminal.

const WIDTH = 30;

/** One bar. */
export class ProgressBar {
  private shown = "";

  /** Shows a share of 0 to 1 and what is being done. */
  show(share: number, what: string): void {
    if (!process.stderr.isTTY) return;
    const full = Math.round(Math.min(1, Math.max(0, share)) * WIDTH);
    const line = `[${"#".repeat(full)}${".".repeat(WIDTH - full)}] ${Math.floor(share * 100)} % ${what}`;
    const fitting = line.slice(0, Math.max(20, (process.stderr.columns ?? 80) - 1));
    if (fitting === this.shown) return;
    this.shown = fitting;
    process.stderr.write(`\r${fitting}\x1b[K`);
  }

  /** Takes the line away. */
  clear(): void {
    if (this.shown === "") return;
    this.shown = "";
    process.stderr.write("\r\x1b[K");
  }
}
