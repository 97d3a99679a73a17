// Keeps other processes off the two cores while it is measured, on a machine that has more to do: this process and its
// children run in the real-time class, and so do the kernel's softirq threads of the two cores, which carry the frames.

import { readdirSync, readFileSync } from "node:fs";
import { sh } from "../../test/support/netns.ts";

/** Of this process and its children. */
export const OUR_PRIORITY = "5";
/** Above what keeps the core busy, or no frame would move. */
const SOFTIRQ = "6";

let begun = false;

/** Whether it has begun. */
export function isRealtime(): boolean {
  return begun;
}

/** Begins it; the kernel's threads are as before when the process ends. */
export function beRealtime(cores: readonly number[]): void {
  const threads = softirqThreads(cores);
  for (const pid of threads) sh("chrt", "--rr", "--pid", SOFTIRQ, pid);
  process.once("exit", () => {
    for (const pid of threads) sh("chrt", "--other", "--pid", "0", pid);
  });
  sh("chrt", "--rr", "--all-tasks", "--pid", OUR_PRIORITY, `${process.pid}`);
  begun = true;
}

function softirqThreads(cores: readonly number[]): string[] {
  const names = cores.map((core) => `ksoftirqd/${core}`);
  return readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && names.includes(comm(pid)));
}

function comm(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "";
  }
}
