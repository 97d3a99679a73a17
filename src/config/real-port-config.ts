// Ports over real interfaces in the YAML file of `megaflow run`.
//
//   {number: 1, kind: afxdp, dev: eth1}                  mode, queues, rxq-affinity, ring, csum, promiscuous, force, mtu, netns
//   {number: 2, kind: tap, dev: tap0}                    queues, rxq-affinity, mtu, persist, netns
//   {number: 3, kind: afpacket, dev: eth2, netns: blue}  queues, rxq-affinity, ring, promiscuous, force, mtu
//   {number: LOCAL, kind: internal}                      dev, mtu, netns

import { PMD_MAX } from "../../assembly/layout/limits.ts";
import { scalarOf, type YamlEntry, type YamlReader } from "./yaml-reader.ts";

/** How XDP packets are taken from a driver: the best that works, or only one way. */
export const xdpModes = ["best-effort", "native-with-zerocopy", "native", "generic"] as const;
export type XdpMode = (typeof xdpModes)[number];

/** A real port as it is asked for. */
export interface RealPortConfig {
  readonly kind: RealPortKind;
  /** Interface; for `tap` the name to create or open, for `internal` the bridge's name when absent. */
  readonly dev?: string | undefined;
  /** Network namespace of the interface: a name of `ip netns`, or a path. */
  readonly netns?: string | undefined;
  /** Receive queues to use; all that the interface has when absent (afxdp), else one. */
  readonly queues?: number | undefined;
  /** PMD of each queue, by index; the rest go round robin. */
  readonly rxqAffinity?: Readonly<Record<number, number>> | undefined;
  /** afxdp only. */
  readonly mode?: XdpMode | undefined;
  /** Entries of each ring, a power of two. */
  readonly ringSize?: number | undefined;
  /** afxdp only: complete the checksums that local senders leave out where it may happen (veth, TAP), never, or always. */
  readonly csum?: "auto" | "on" | "off" | undefined;
  readonly promiscuous?: boolean | undefined;
  /** Take an interface that carries the default route. */
  readonly force?: boolean | undefined;
  readonly mtu?: number | undefined;
  /** tap: the device stays when the switch ends. */
  readonly persist?: boolean | undefined;
}

/** Kinds of real port. */
export const realPortKinds = ["afxdp", "tap", "afpacket", "internal"] as const;
export type RealPortKind = (typeof realPortKinds)[number];

const QUEUES_MAX = 256;
const RING_MIN = 64;
const RING_MAX = 65_536;
const DEVICE_NAME_MAX = 15;
const MTU_MIN = 68;
const MTU_MAX = 65_535;

type Read = (reader: YamlReader, entry: YamlEntry) => unknown;

/** How each key is read, by its name in the file. */
const readers: Readonly<Record<string, readonly [keyof RealPortConfig, Read]>> = {
  dev: ["dev", readDevice],
  netns: [
    "netns",
    (reader, entry) => reader.text(entry, "netns", "a network namespace: a name of `ip netns`, or a path"),
  ],
  queues: ["queues", (reader, entry) => reader.integer(entry, "queues", 1, QUEUES_MAX)],
  "rxq-affinity": ["rxqAffinity", readAffinity],
  mode: ["mode", (reader, entry) => reader.word(entry, "mode", xdpModes)],
  ring: ["ringSize", readRing],
  csum: ["csum", (reader, entry) => reader.word(entry, "csum", ["auto", "on", "off"] as const)],
  promiscuous: ["promiscuous", readFlag],
  force: ["force", readFlag],
  mtu: ["mtu", (reader, entry) => reader.integer(entry, "mtu", MTU_MIN, MTU_MAX)],
  persist: ["persist", readFlag],
};

const common = ["dev", "netns", "queues", "rxq-affinity", "mtu"];
/** Keys that each kind takes. */
const keysOf: Readonly<Record<RealPortKind, readonly string[]>> = {
  afxdp: [...common, "mode", "ring", "csum", "promiscuous", "force"],
  tap: [...common, "persist"],
  afpacket: [...common, "ring", "promiscuous", "force"],
  internal: ["dev", "netns", "mtu"],
};

/** All keys of real ports. */
export const realPortKeys: readonly string[] = Object.keys(readers);

/** Whether a word names a kind of real port. */
export function isRealPortKind(kind: string): kind is RealPortKind {
  return (realPortKinds as readonly string[]).includes(kind);
}

/** Reads what a real port is made of; mistakes are noted with the reader. */
export function readRealPort(
  reader: YamlReader,
  kind: RealPortKind,
  fields: ReadonlyMap<string, YamlEntry>,
  offset: number,
): RealPortConfig {
  const config: Record<string, unknown> = { kind };
  for (const [key, entry] of fields) {
    const known = readers[key];
    if (known === undefined) continue;
    if (!keysOf[kind].includes(key)) {
      const takers = realPortKinds.filter((other) => keysOf[other].includes(key)).join(", ");
      reader.problem(entry.keyOffset, `a port of kind ${kind} has no ${key}: it is for ${takers}`);
      continue;
    }
    const [name, read] = known;
    const value = read(reader, entry);
    if (value !== undefined) config[name] = value;
  }
  if (kind !== "internal" && kind !== "tap" && !fields.has("dev")) {
    reader.problem(offset, `a port of kind ${kind} without dev`, { expected: "dev: NAME, the interface" });
  }
  return config as unknown as RealPortConfig;
}

/** A name as the kernel takes it for an interface (IFNAMSIZ less the zero, no slash, colon or space). */
function readDevice(reader: YamlReader, entry: YamlEntry): string | undefined {
  const name = reader.text(entry, "dev", "the name of an interface");
  if (name === undefined || (/^[^\s/:]+$/.test(name) && Buffer.byteLength(name) <= DEVICE_NAME_MAX))
    return name;
  const expected = `the name of an interface: 1 to ${DEVICE_NAME_MAX} bytes without spaces, / and :`;
  reader.problem(entry.offset, "dev", { expected, got: name });
  return undefined;
}

function readFlag(reader: YamlReader, entry: YamlEntry): boolean | undefined {
  const value = scalarOf(entry);
  if (typeof value === "boolean") return value;
  reader.problem(entry.offset, entry.key, { expected: "true or false", got: String(value) });
  return undefined;
}

function readRing(reader: YamlReader, entry: YamlEntry): number | undefined {
  const size = reader.integer(entry, "ring", RING_MIN, RING_MAX);
  if (size === undefined || Number.isInteger(Math.log2(size))) return size;
  reader.problem(entry.offset, "ring", { expected: "a power of two", got: String(size) });
  return undefined;
}

/** `0:1,1:0`: queue to PMD. */
function readAffinity(reader: YamlReader, entry: YamlEntry): Record<number, number> | undefined {
  const text = reader.text(entry, "rxq-affinity", "QUEUE:PMD pairs such as 0:1,1:0");
  if (text === undefined) return undefined;
  const affinity: Record<number, number> = {};
  for (const pair of text.split(",")) {
    const match = /^\s*(\d{1,4}):(\d{1,4})\s*$/.exec(pair);
    const [queue, pmd] = [Number(match?.[1]), Number(match?.[2])];
    if (match === null || pmd >= PMD_MAX) {
      reader.problem(entry.offset, "rxq-affinity", {
        expected: `QUEUE:PMD pairs such as "0:1,1:0", PMDs numbered from 0 in the order of cores`,
        got: pair,
      });
      return undefined;
    }
    affinity[queue] = pmd;
  }
  return affinity;
}
