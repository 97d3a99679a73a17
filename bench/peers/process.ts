// Child processes of a peer: started, watched, and ended by their own handle.
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

const KILL_AFTER_MS = 5000;

/** Starts a program whose output is kept in `output`. */
export class Child {
  output = "";
  private readonly process: ChildProcess;
  private readonly ended: Promise<void>;

  constructor(command: string, args: readonly string[], environment: Record<string, string> = {}) {
    this.process = spawn(command, args, {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const keep = (text: Buffer) => {
      this.output += text.toString();
    };
    this.process.stdout?.on("data", keep);
    this.process.stderr?.on("data", keep);
    this.ended = new Promise((resolve) => {
      this.process.once("exit", () => resolve());
      this.process.once("error", (error) => {
        this.output += String(error);
        resolve();
      });
    });
    process.once("exit", this.kill);
  }

  /** Process id, for affinity and priority. */
  get pid(): number | undefined {
    return this.process.pid;
  }

  /** True until the program has ended. */
  get running(): boolean {
    return (
      this.process.exitCode === null && this.process.signalCode === null && this.process.pid !== undefined
    );
  }

  /** Asks the program to end, and kills it when it does not. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    process.off("exit", this.kill);
    if (!this.running) return;
    this.process.kill(signal);
    const giveUp = new AbortController();
    const late = sleep(KILL_AFTER_MS, undefined, { signal: giveUp.signal }).then(this.kill, () => {});
    await this.ended;
    giveUp.abort();
    await late;
  }

  private readonly kill = () => {
    this.process.kill("SIGKILL");
  };
}

/** Makes a signal end this process the orderly way: children, huge pages and the like are cleaned up at exit. */
export function exitOnSignals(): void {
  for (const [signal, status] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    process.once(signal, () => process.exit(status));
  }
}

/** Tries until it works, for `seconds`; then throws the last error. */
export async function until<T>(attempt: () => T | Promise<T>, seconds = 120): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(20);
    }
  }
}
