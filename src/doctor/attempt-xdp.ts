// Tries XDP on an interface that a person named: attaches the program and binds a socket, and takes both away.

import type { NativeAddon } from "../native.ts";
import type { LinkInfo } from "../native-netdev.ts";
import type { InterfaceNote, XdpMode } from "./finding.ts";
import { attempt, type Outcome } from "./probe.ts";

const MEMORY_PAGES = 64;
const UMEM = { umemOffset: 2 << 20, umemLength: 64 << 10, chunk: 2048 } as const;
const BLOCK = 1 << 20;
const RINGS = { fillSize: 64, completionSize: 64, rxSize: 64, txSize: 64 } as const;

/** Finds the best mode that works; each that does not leaves a note with what the system said. */
export function tryInterface(
  addon: NativeAddon,
  link: LinkInfo,
  netns: string | undefined,
  tryZeroCopy: boolean,
): { mode: XdpMode; notes: InterfaceNote[] } {
  const notes: InterfaceNote[] = [];
  const attach = (generic: boolean): Outcome =>
    attempt(() => {
      const program = addon.attachProgram({ netns, index: link.index, queues: link.rxQueues, generic });
      addon.closeFd(program.link);
      addon.closeFd(program.map);
    });
  const works = (what: string, outcome: Outcome): boolean => {
    if (!outcome.works)
      notes.push({
        state: "note",
        text: `${what}: ${outcome.why}`,
        remedies: remediesOf(outcome, link.name),
      });
    return outcome.works;
  };
  const native = works("native XDP", attach(false));
  const generic = native || works("generic XDP", attach(true));
  if (!generic || !works("an AF_XDP socket", openSocket(addon, link, netns, false))) {
    notes.push({ state: "problem", text: "no afxdp port can be had on it now", remedies: [] });
    return { mode: "none", notes };
  }
  if (!native) return { mode: "generic", notes };
  const zeroCopy = tryZeroCopy && works("zero-copy", openSocket(addon, link, netns, true));
  return { mode: zeroCopy ? "native-with-zerocopy" : "native", notes };
}

function openSocket(
  addon: NativeAddon,
  link: LinkInfo,
  netns: string | undefined,
  zeroCopy: boolean,
): Outcome {
  const memory = new Uint8Array(
    new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: MEMORY_PAGES, shared: true }).buffer,
  );
  const place = { netns, index: link.index, queue: 0, block: BLOCK };
  const opened = attempt(() =>
    addon.closePort(addon.openXsk(memory, { ...RINGS, ...place, ...UMEM, zeroCopy, needWakeup: true }).fd),
  );
  return opened;
}

function remediesOf(outcome: Outcome, name: string): string[] {
  if (outcome.works || outcome.code !== "EBUSY") return [];
  return [`ss --xdp -p  # who holds ${name}`, `sudo ip link set dev ${name} xdp off`];
}
