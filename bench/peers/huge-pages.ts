// Huge pages for DPDK: reserved for a run, given back after it.
import { readFileSync, writeFileSync } from "node:fs";

const COUNT_FILE = "/proc/sys/vm/nr_hugepages";

/** Memory in use is moved together between two tries. */
const TRIES = 5;

/** 2 MiB pages held for the life of this object. */
export class HugePages {
  private constructor(
    private readonly before: number,
    /** Pages that were reserved. */
    readonly count: number,
  ) {}

  /** Reserves at least `count` pages of 2 MiB. Throws when the kernel has not that much memory in one piece. */
  static reserve(count: number): HugePages {
    const before = Number(readFileSync(COUNT_FILE, "utf8"));
    const pages = new HugePages(before, count);
    if (before >= count) return pages;
    process.once("exit", pages.giveBack);
    let got = 0;
    for (let attempt = 0; attempt < TRIES && got < count; attempt++) {
      if (attempt > 0) writeFileSync("/proc/sys/vm/compact_memory", "1");
      writeFileSync(COUNT_FILE, String(count));
      got = Number(readFileSync(COUNT_FILE, "utf8"));
    }
    if (got < count) {
      writeFileSync(COUNT_FILE, String(before));
      throw new Error(
        `the kernel gave ${got} of ${count} huge pages: free memory or run "echo 1 > /proc/sys/vm/compact_memory"`,
      );
    }
    return pages;
  }

  /** Gives back what was reserved. */
  [Symbol.dispose](): void {
    process.off("exit", this.giveBack);
    this.giveBack();
  }

  private readonly giveBack = () => writeFileSync(COUNT_FILE, String(this.before));
}
