// The native addon: its functions, typed, and the one place that loads it. It may be absent (no compiler,
// another system): then there is a reason to show instead, and only what needs it refuses.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { LAYOUT_SEQ } from "../assembly/layout/memory-map.ts";
import { NativeMissingError } from "./errors.ts";
import type { NativeNetdev } from "./native-netdev.ts";
import { projectFile } from "./project.ts";

/**
 * What the addon can do for the calling thread; it loads in any number of worker threads. A failed system
 * call throws an Error with `code`, `errno` and `syscall`, as Node's do; file descriptors are plain numbers
 * that the caller closes with `closeFd`.
 */
export interface NativeAddon extends NativeNetdev {
  /** LAYOUT_SEQ of the layout that the addon was built with. */
  readonly layoutSeq: number;

  /** Pins the calling thread to one core; returns the cores it may use from now on. */
  setAffinity(core: number): number[];
  /** Lets the calling thread use every core that its cpuset allows; returns them. */
  clearAffinity(): number[];
  /** Cores that the calling thread may use, in order. */
  getAffinity(): number[];
  /** Linux thread id of the calling thread. */
  threadId(): number;
  /** Milliseconds that the calling thread has run since it began, to the nanosecond. */
  threadCpuMs(): number;

  /** The core's cycle counter: TSC on x86-64, the virtual counter on arm64, elsewhere nanoseconds. */
  readTsc(): bigint;
  /** The same counter since the addon was loaded, as an exact integer below 2^53: cheap enough for a poll loop. */
  readCycles(): number;

  /** Address of a view's first byte in this process. */
  memoryAddress(memory: Uint8Array): bigint;
  /** Asks for huge pages for the whole 2 MiB pages in this part of memory; returns how many bytes those are. */
  adviseHugePages(memory: Uint8Array, offset: number, length: number): number;
  /** Touches the whole pages in this part of memory, so that no later access faults; returns how many bytes those are. */
  populateMemory(memory: Uint8Array, offset: number, length: number): number;

  /** Opens an eventfd that any thread may notify. */
  openEvent(): number;
  /** Makes the eventfd readable, which ends a wait on it. */
  notifyEvent(fd: number): void;
  /** Makes the eventfd unreadable again; returns how often it was notified since. Never blocks. */
  drainEvent(fd: number): number;
  /**
   * Blocks the calling thread until one of the descriptors is readable or has failed, or until the time (in
   * ms, fractions count, -1 = for ever) is over. Returns how many are ready; `events` receives each one's poll
   * events. A thread that waits for ever cannot be terminated: keep an eventfd among the descriptors.
   */
  waitForEvents(fds: Int32Array, timeoutMs: number, events?: Int32Array): number;
  /** Closes a descriptor that one of the addon's functions gave out. */
  closeFd(fd: number): void;
}

/** The addon, or why there is none. */
export type NativeResult =
  | { readonly addon: NativeAddon; readonly path: string }
  | { readonly addon: undefined; readonly reason: string };

let result: NativeResult | undefined;

/** Loads the addon on the first call; never throws. MEGAFLOW_ADDON=off does without it, a path loads that file. */
export function loadNative(): NativeResult {
  result ??= load();
  return result;
}

/** The addon; throws NativeMissingError, naming who needs it ("a port of type afxdp"), when there is none. */
export function requireNative(who: string): NativeAddon {
  const loaded = loadNative();
  if (loaded.addon !== undefined) return loaded.addon;
  throw new NativeMissingError(`${who} needs the native addon, and ${loaded.reason}`);
}

const buildHint =
  "install g++, make and python3 and run `npm rebuild megaflow` (in a checkout: `npm install`)";

function load(): NativeResult {
  const { MEGAFLOW_ADDON: chosen = "" } = process.env;
  if (chosen === "off") return { addon: undefined, reason: "MEGAFLOW_ADDON=off turned it off" };
  if (process.platform !== "linux")
    return { addon: undefined, reason: `it is for Linux only, this is ${process.platform}` };
  const candidates = [
    projectFile("native/build/Release/megaflow.node"),
    projectFile(`prebuilds/${process.platform}-${process.arch}/megaflow.node`),
  ];
  const problems: string[] = [];
  for (const path of chosen === "" ? candidates.filter((path) => existsSync(path)) : [chosen]) {
    try {
      const addon = createRequire(import.meta.url)(path) as NativeAddon;
      if (addon.layoutSeq === LAYOUT_SEQ) return { addon, path };
      problems.push(`${path} was built for layout ${addon.layoutSeq}, this is layout ${LAYOUT_SEQ}`);
    } catch (error) {
      problems.push(
        `${path} does not load: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`,
      );
    }
  }
  const reason = problems.length === 0 ? "it has not been built" : problems.join("; ");
  return { addon: undefined, reason: `${reason}: ${buildHint}` };
}
