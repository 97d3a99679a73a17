// A connection: what tells one flow from another. Schemes fill it in, the frame builder reads it.
import type { PacketKind } from "./packet-kind.ts";
import { packetKind } from "./packet-kind.ts";

/** One connection, reused from packet to packet. IPv4 addresses are the last word of `source` and `target`. */
export interface Tuple {
  kind: PacketKind;
  readonly source: Uint32Array;
  readonly target: Uint32Array;
  sourcePort: number;
  targetPort: number;
  /** VLAN id of each tag of the kind, outermost first. */
  readonly vlans: number[];
}

/** A tuple to be filled. */
export function newTuple(): Tuple {
  return {
    kind: packetKind("udp")!,
    source: new Uint32Array(4),
    target: new Uint32Array(4),
    sourcePort: 0,
    targetPort: 0,
    vlans: [100, 200],
  };
}

/** How a workload's rules and connections belong together. */
export interface Scheme {
  /** The rules, one `ovs-ofctl` line each. */
  rules(): Iterable<string>;
  /** Writes connection number `flow` (any integer below 2^32) into `tuple`. */
  fill(flow: number, tuple: Tuple): void;
}

/** An IPv4 address in text. */
export function ipv4Text(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** An IPv6 address in text, without shortening. */
export function ipv6Text(words: Uint32Array): string {
  return Array.from(words, (word) => `${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`).join(
    ":",
  );
}

/** The upper `length` bits of a 32-bit word set. */
export function prefixMask(length: number): number {
  return length <= 0 ? 0 : (0xffffffff << (32 - Math.min(length, 32))) >>> 0;
}
