// A child process of a test: its output is kept, it is waited for without blocking, and ended by its own id.

import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { PATIENCE_MS } from "./eventually.ts";

/** What does not end by then hangs. */
const KILL_AFTER_MS = PATIENCE_MS;

/** See the head of the file. */
export class LabChild {
  stdout = "";
  stderr = "";
  /** Exit status; a signal's number plus 128; 127 when it could not be started. */
  readonly ended: Promise<number>;
  readonly #process: ChildProcess;
  readonly #words: readonly string[];
  #status: number | undefined;

  constructor(words: readonly string[]) {
    const [command = "", ...args] = words;
    this.#words = words;
    this.#process = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#process.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => {
      const end = (status: number): void => {
        this.#status = status;
        resolve(status);
      };
      this.#process.once("error", (error) => {
        this.stderr += String(error);
        end(127);
      });
      this.#process.once("close", (status, signal) => end(status ?? (signal === "SIGKILL" ? 137 : 143)));
    });
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  get running(): boolean {
    return this.#status === undefined;
  }

  /** Sends a signal to this one process. */
  kill(signal: NodeJS.Signals): void {
    if (this.running) this.#process.kill(signal);
  }

  /** Asks it to end, kills it when it does not; returns its status. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number> {
    this.kill(signal);
    const patience = new AbortController();
    const late = sleep(KILL_AFTER_MS, undefined, { signal: patience.signal }).then(
      () => this.kill("SIGKILL"),
      () => {},
    );
    const status = await this.ended;
    patience.abort();
    await late;
    return status;
  }

  /** Waits until its output matches; throws with the output when it ends first or takes longer than `ms`. */
  async says(pattern: RegExp, ms = PATIENCE_MS): Promise<RegExpExecArray> {
    const deadline = performance.now() + ms;
    for (;;) {
      const found = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
      if (found !== null) return found;
      if (!this.running || performance.now() > deadline) {
        const why = this.running ? `not within ${ms} ms` : `ended with status ${this.#status}`;
        throw new Error(`${this.#words.join(" ")}: ${why}, and no ${pattern}\n${this.stdout}${this.stderr}`);
      }
      await sleep(5);
    }
  }
}
