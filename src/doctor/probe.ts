// Tries what the kernel can do on a veth pair of its own, in a network namespace that vanishes with the probe:
// no interface of the machine is touched.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { NativeAddon } from "../native.ts";

/** Longest wait for a namespace and its veth pair: a busy machine takes seconds. */
const READY_MS = 30_000;
const MEMORY_PAGES = 64;
const UMEM = { umemOffset: 2 << 20, umemLength: 64 << 10, chunk: 2048 } as const;
const BLOCK = 1 << 20;
const RINGS = { fillSize: 64, completionSize: 64, rxSize: 64, txSize: 64 } as const;
const PACKET_RING = { block: 0, blockSize: 4096, blockCount: 4 } as const;
const NAME = "mfdoctor0";

/** Whether something worked; otherwise what the system said. */
export type Outcome =
  | { readonly works: true }
  | { readonly works: false; readonly why: string; readonly code: string };

/** What came of the attempts; undefined where an earlier one failed that it stands on. */
export interface ProbeResult {
  readonly anchor: Outcome;
  readonly multiBuffer: boolean | undefined;
  readonly sharedUmem: Outcome | undefined;
  readonly nativeLink: Outcome | undefined;
  readonly genericLink: Outcome | undefined;
  readonly tap: Outcome;
  readonly afpacket: Outcome;
}

/** Makes the attempts; needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN. Throws when no namespace can be made. */
export async function probeKernel(addon: NativeAddon): Promise<ProbeResult> {
  const keeper = await startNamespace();
  try {
    return attempts(addon, `/proc/${keeper.pid}/ns/net`);
  } finally {
    const ended = once(keeper, "close");
    keeper.kill("SIGKILL");
    await ended;
  }
}

/** A sleeping process in a namespace of its own with a veth pair; without iproute2 it has only a loopback. */
async function startNamespace(): Promise<ChildProcess> {
  const make = `ip link add ${NAME} type veth peer name mfdoctor1 && ip link set ${NAME} up && ip link set mfdoctor1 up`;
  const script = `(${make}) 2>/dev/null; echo ready; exec sleep 120`;
  const child = spawn("unshare", ["--net", "sh", "-c", script], { stdio: ["ignore", "pipe", "pipe"] });
  const said = await Promise.race([
    once(child.stdout, "data"),
    once(child, "error").then(([error]) => error as Error),
    new Promise<string>((resolve) => setTimeout(resolve, READY_MS, "no answer").unref()),
  ]);
  if (Array.isArray(said)) return child;
  child.kill("SIGKILL");
  throw new Error(`unshare --net: ${said instanceof Error ? said.message : said}`);
}

function attempts(addon: NativeAddon, netns: string): ProbeResult {
  const pages = { initial: MEMORY_PAGES, maximum: MEMORY_PAGES, shared: true };
  const memory = new Uint8Array(new WebAssembly.Memory(pages).buffer);
  const index = indexOf(addon, netns);
  let anchorFd = -1;
  let multiBuffer: boolean | undefined;
  const anchor = attempt(() => {
    const opened = addon.openAnchor(memory, UMEM);
    anchorFd = opened.fd;
    multiBuffer = opened.multiBuffer;
  });
  const link = (generic: boolean): Outcome | undefined =>
    index === undefined
      ? undefined
      : attempt(() => {
          const program = addon.attachProgram({ netns, index, queues: 1, generic });
          addon.closeFd(program.link);
          addon.closeFd(program.map);
        });
  const nativeLink = link(false);
  const genericLink = link(true);
  const sharedUmem =
    anchorFd < 0 || index === undefined
      ? undefined
      : attempt(() => {
          const place = { netns, index, queue: 0, block: BLOCK, anchor: anchorFd };
          addon.closePort(addon.openXsk(memory, { ...RINGS, ...place }).fd);
        });
  if (anchorFd >= 0) addon.closePort(anchorFd);
  const tap = attempt(() => {
    for (const fd of addon.openTap({ netns, name: "mfdoctor2", headerSize: 12 }).fds) addon.closeFd(fd);
  });
  const afpacket = attempt(() =>
    addon.closePort(addon.openPacketRing(memory, { netns, index: index ?? 1, ...PACKET_RING })),
  );
  return { anchor, multiBuffer, sharedUmem, nativeLink, genericLink, tap, afpacket };
}

function indexOf(addon: NativeAddon, netns: string): number | undefined {
  try {
    return addon.linkInfo({ netns, name: NAME }).index;
  } catch {
    return undefined;
  }
}

/** Calls `body`; a failure becomes what it said. */
export function attempt(body: () => void): Outcome {
  try {
    body();
    return { works: true };
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    return { works: false, code, why: error instanceof Error ? error.message : String(error) };
  }
}
