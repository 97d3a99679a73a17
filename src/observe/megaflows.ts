// The megaflows of a running switch, found, sorted and printed in Open vSwitch's datapath-flow syntax. A switch
// may hold hundreds of thousands: only what is asked for is printed, and the controller gets its turn in between.

import { FLOW_BYTES, FLOW_PACKETS, FLOW_TCP_FLAGS, FLOW_USED } from "../../assembly/layout/flow.ts";
import {
  KEY_IN_PORT,
  KEY_TCI0,
  KEY_TCI1,
  KEY_TPID0,
  KEY_TPID1,
  KEY_WORD_COUNT,
} from "../../assembly/layout/flow-key.ts";
import type { SwitchMemory } from "../datapath/memory.ts";
import { readU64 } from "../datapath/pmd-stats.ts";
import type { OdpPort } from "../odp/action.ts";
import { type FlowKey, getBe16, setBe16 } from "../odp/flow-key.ts";
import { formatOdpMatch, type OdpFormatOptions } from "../odp/format.ts";
import { formatOdpActions } from "../odp/format-actions.ts";
import { formatUfid } from "../odp/ufid.ts";
import { FLOW_OF_IN_PORT } from "../openflow/flow-layout.ts";
import { FlowText } from "../openflow/key-value.ts";
import type { Match } from "../openflow/match.ts";
import { parseMatch } from "../openflow/parse-match.ts";
import { odpPortToOf } from "../openflow/port.ts";
import type { Switch } from "../switch.ts";
import { maskedKey, type Ukey } from "../upcall/ukey.ts";

/** What to list. */
export interface MegaflowQuery {
  /** Only those of this PMD; otherwise equal megaflows of several PMDs are one, with their counters added up. */
  readonly pmd?: number;
  /** `used`: the most recently used first. */
  readonly sort?: "packets" | "bytes" | "used";
  /** Most entries; all of them when absent. */
  readonly limit?: number;
  /** A match in `ovs-ofctl` syntax, as dpctl/dump-flows takes it: bits that a megaflow leaves out match anything. */
  readonly filter?: string;
  /** Words, each of which has to be somewhere in the text. */
  readonly search?: string;
  /** Print fields that are wholly wildcarded too. */
  readonly verbose?: boolean;
  /** Print the names of ports. */
  readonly names?: boolean;
}

/** One megaflow. */
export interface MegaflowEntry {
  readonly ufid: string;
  readonly match: string;
  readonly actions: string;
  readonly packets: number;
  readonly bytes: number;
  /** Seconds since its last packet; null = none yet. */
  readonly usedSeconds: number | null;
  /** Union over its packets, as Open vSwitch prints them: `SF.`; empty when there were none. */
  readonly tcpFlags: string;
  /** PMDs that have it. */
  readonly pmds: readonly number[];
}

/** What was found. */
export interface MegaflowList {
  /** Megaflows of the PMDs asked for, equal ones counted once. */
  readonly total: number;
  /** Of these, how many filter and search let through. */
  readonly matched: number;
  readonly entries: readonly MegaflowEntry[];
}

interface Found {
  readonly ukey: Ukey;
  readonly pmds: number[];
  packets: number;
  bytes: number;
  usedMs: number;
  tcpFlags: number;
}

/** Longest work between two turns of the controller, in milliseconds. */
const SLICE_MS = 1;

/** Lists megaflows. Throws FlowSyntaxError for a filter that is none. */
export async function listMegaflows(owner: Switch, query: MegaflowQuery = {}): Promise<MegaflowList> {
  const filter = query.filter === undefined ? undefined : parseMatch(new FlowText(query.filter));
  const words = (query.search ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const options = formatOptions(owner, query);
  const slices = new Slices();
  const all = await gather(owner, query.pmd, slices);
  let left: Found[] = [];
  for (const found of all) {
    if (slices.over) await slices.next();
    if (!isThere(found)) continue;
    if (filter !== undefined && !meets(filter, found.ukey)) continue;
    if (words.length > 0 && !hasAll(searchText(found, options), words)) continue;
    left.push(found);
  }
  const matched = left.length;
  sortFound(left, query.sort);
  left = left.slice(0, query.limit ?? left.length);
  const entries: MegaflowEntry[] = [];
  for (const found of left) {
    if (slices.over) await slices.next();
    if (isThere(found)) entries.push(entryOf(owner, found, options));
  }
  return { total: all.length, matched, entries };
}

/** One line as dpctl/dump-flows prints it; with `more`, as its option -m does. */
export function formatDumpLine(entry: MegaflowEntry, more = false): string {
  const used = entry.usedSeconds === null ? "never" : `${entry.usedSeconds.toFixed(3)}s`;
  const flags = entry.tcpFlags === "" ? "" : `, flags:${entry.tcpFlags}`;
  return (
    `${more ? `ufid:${entry.ufid}, ` : ""}${entry.match}, packets:${entry.packets}, bytes:${entry.bytes}, ` +
    `used:${used}${flags}${more ? ", dp:ovs" : ""}, actions:${entry.actions}`
  );
}

/** The key under the mask, with the tags that the packet has: their protocols are shown, looked at or not. */
export function shownKey(ukey: Ukey): FlowKey {
  const shown = maskedKey(ukey);
  for (const tpid of [KEY_TPID0, KEY_TPID1]) setBe16(shown, tpid, getBe16(ukey.key, tpid));
  for (const tci of [KEY_TCI0, KEY_TCI1]) {
    setBe16(shown, tci, getBe16(shown, tci) | (getBe16(ukey.key, tci) & TAG_PRESENT));
  }
  return shown;
}

/** CFI bit of a tag's control information: the tag is there. */
const TAG_PRESENT = 0x1000;

async function gather(owner: Switch, only: number | undefined, slices: Slices): Promise<Found[]> {
  const found: Found[] = [];
  const byUfid = new Map<string, Found>();
  const pmds = owner.pmds.filter((pmd) => only === undefined || pmd.index === only);
  for (const pmd of pmds) {
    for (const ukey of [...pmd.handler.ukeys.values()]) {
      if (slices.over) await slices.next();
      if (ukey.state !== "live") continue;
      const fresh = read(owner.memory, ukey, pmd.index);
      const name = pmds.length > 1 ? ukey.ufid.join() : "";
      const same = byUfid.get(name);
      if (same !== undefined) addTo(same, fresh);
      else {
        found.push(fresh);
        if (pmds.length > 1) byUfid.set(name, fresh);
      }
    }
  }
  return found;
}

function read(memory: SwitchMemory, ukey: Ukey, pmd: number): Found {
  const { flow } = ukey;
  const flags = memory.u16[(flow + FLOW_TCP_FLAGS) >>> 1]!;
  return {
    ukey,
    pmds: [pmd],
    packets: readU64(memory, flow + FLOW_PACKETS),
    bytes: readU64(memory, flow + FLOW_BYTES),
    usedMs: memory.u32[(flow + FLOW_USED) >>> 2]!,
    // In network order in the record.
    tcpFlags: ((flags & 0xff) << 8) | (flags >>> 8),
  };
}

function addTo(sum: Found, more: Found): void {
  sum.pmds.push(...more.pmds);
  sum.packets += more.packets;
  sum.bytes += more.bytes;
  sum.usedMs = Math.max(sum.usedMs, more.usedMs);
  sum.tcpFlags |= more.tcpFlags;
}

function sortFound(found: Found[], by: MegaflowQuery["sort"]): void {
  if (by === "packets") found.sort((a, b) => b.packets - a.packets);
  else if (by === "bytes") found.sort((a, b) => b.bytes - a.bytes);
  else if (by === "used") found.sort((a, b) => b.usedMs - a.usedMs);
}

function entryOf(owner: Switch, found: Found, options: OdpFormatOptions): MegaflowEntry {
  const { ukey } = found;
  return {
    ufid: formatUfid(ukey.ufid),
    match: formatOdpMatch(shownKey(ukey), ukey.mask, options),
    actions: formatOdpActions(ukey.actions, options),
    packets: found.packets,
    bytes: found.bytes,
    usedSeconds: found.packets === 0 ? null : Math.max(0, owner.nowMs - found.usedMs) / 1000,
    tcpFlags: formatTcpFlags(found.tcpFlags),
    pmds: found.pmds,
  };
}

/** Whether it was not removed while the controller had its turn: then its key is somebody else's. */
function isThere({ ukey }: Found): boolean {
  return ukey.state === "live";
}

function searchText({ ukey }: Found, options: OdpFormatOptions): string {
  const match = formatOdpMatch(shownKey(ukey), ukey.mask, options);
  return `ufid:${formatUfid(ukey.ufid)} ${match} actions:${formatOdpActions(ukey.actions, options)}`;
}

function hasAll(text: string, words: readonly string[]): boolean {
  const lower = text.toLowerCase();
  return words.every((word) => lower.includes(word));
}

function formatOptions(owner: Switch, query: MegaflowQuery): OdpFormatOptions {
  const names = query.names === true ? portNames(owner) : undefined;
  return { verbose: query.verbose ?? false, portName: names && ((port: OdpPort) => names.get(port)) };
}

function portNames(owner: Switch): Map<OdpPort, string> {
  return new Map([...owner.bridge.ports.values()].map((port) => [port.odpPort, port.name]));
}

/** Whether a packet of the megaflow can meet the match, as far as the megaflow looks. */
function meets(filter: Match, { key, mask }: Ukey): boolean {
  for (let i = 0; i < KEY_WORD_COUNT; i++) {
    if (((key[i]! ^ filter.words[i]!) & filter.mask[i]! & mask[i]!) !== 0) return false;
  }
  const inPort = FLOW_OF_IN_PORT >>> 2;
  const port = odpPortToOf(key[KEY_IN_PORT >>> 2]! as OdpPort);
  return ((port ^ filter.words[inPort]!) & filter.mask[inPort]!) === 0;
}

/** As Open vSwitch's packet_format_tcp_flags: letters, and the three bits without a name by number. */
function formatTcpFlags(flags: number): string {
  let text = "";
  for (const [bit, letter] of tcpFlagLetters) if ((flags & bit) !== 0) text += letter;
  return text;
}

const tcpFlagLetters: readonly (readonly [number, string])[] = [
  [0x002, "S"],
  [0x001, "F"],
  [0x008, "P"],
  [0x004, "R"],
  [0x020, "U"],
  [0x010, "."],
  [0x040, "E"],
  [0x080, "C"],
  [0x100, "N"],
  [0x200, "[200]"],
  [0x400, "[400]"],
  [0x800, "[800]"],
];

/** Cuts long work up, so that the controller answers meanwhile what has come. */
class Slices {
  #start = performance.now();

  get over(): boolean {
    return performance.now() - this.#start > SLICE_MS;
  }

  async next(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#start = performance.now();
  }
}
