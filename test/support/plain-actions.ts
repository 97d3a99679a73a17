// What the datapath's modifying actions do to a packet, written down plainly: take the packet apart, set
// fields, put it together, compute every checksum over everything it covers. The oracle for assembly/actions.

import type { OdpAction } from "../../src/odp/action.ts";
import { carryChecksum, crc32c, internetChecksum } from "./plain-checksums.ts";
import {
  be16,
  etherTypeOf,
  formatEthernet,
  formatIp,
  type PlainEthernet,
  type PlainIp,
  parseEthernet,
  parseIp,
  pseudoHeader,
} from "./plain-headers.ts";

/** A packet and what travels with it. */
export interface PlainPacket {
  readonly bytes: Buffer;
  readonly mark: number;
  readonly priority: number;
}

type ActionOf<T extends OdpAction["type"]> = Extract<OdpAction, { type: T }>;
type Effect = Buffer | "unchanged" | "refused";

/**
 * Returns the packet after the action, or undefined where the packet is of another kind than the action
 * names. Throws on an action that modifies nothing.
 */
export function applyPlain(packet: PlainPacket, action: OdpAction): PlainPacket | undefined {
  if (action.type === "setMark") {
    return { ...packet, mark: masked(packet.mark, action.value, action.mask) };
  }
  if (action.type === "setPriority") return { ...packet, priority: action.value };
  if (action.type === "pushEth") {
    const header = Buffer.concat([mac(action.dst), mac(action.src), be16(action.ethertype)]);
    return { ...packet, bytes: Buffer.concat([header, packet.bytes]) };
  }
  const frame = parseEthernet(Buffer.from(packet.bytes));
  if (frame === undefined) return undefined;
  const effect = applyToFrame(frame, action);
  if (effect === "refused") return undefined;
  return effect === "unchanged" ? packet : { ...packet, bytes: effect };
}

function applyToFrame(frame: PlainEthernet, action: OdpAction): Effect {
  switch (action.type) {
    case "setEth":
      setBits(frame.addresses, 0, mac(action.value.dst), mac(action.mask.dst));
      setBits(frame.addresses, 6, mac(action.value.src), mac(action.mask.src));
      return formatEthernet(frame);
    case "popEth":
      return frame.payload;
    case "pushVlan":
      return formatEthernet({
        ...frame,
        tags: [{ tpid: action.tpid, tci: action.tci & 0xefff }, ...frame.tags],
      });
    case "popVlan":
      if (frame.tags.length === 0) return "refused";
      return formatEthernet({ ...frame, tags: frame.tags.slice(1) });
    case "setVlan":
      if (frame.tags.length === 0) return "refused";
      setTag(frame.tags[0]!, action.value & 0xefff, action.mask);
      return formatEthernet(frame);
    case "pushMpls":
    case "popMpls":
    case "setMpls":
      return applyToLabels(frame, action);
    case "setArp":
      return setArp(frame, action);
    default:
      return applyToIp(frame, action);
  }
}

function applyToLabels(frame: PlainEthernet, action: ActionOf<"pushMpls" | "popMpls" | "setMpls">): Effect {
  if (action.type === "pushMpls") {
    if (action.ethertype !== 0x8847 && action.ethertype !== 0x8848) return "refused";
    return formatEthernet(
      retyped({ ...frame, payload: Buffer.concat([be32(action.lse), frame.payload]) }, action),
    );
  }
  const type = etherTypeOf(frame);
  if ((type !== 0x8847 && type !== 0x8848) || frame.payload.length < 4) return "refused";
  if (action.type === "popMpls") {
    return formatEthernet(retyped({ ...frame, payload: frame.payload.subarray(4) }, action));
  }
  setBits(frame.payload, 0, be32(action.value), be32(action.mask));
  return formatEthernet(frame);
}

/** Open vSwitch writes an untagged frame's type into the Ethernet header, even where SNAP holds it. */
function retyped(frame: PlainEthernet, { ethertype }: { ethertype: number }): PlainEthernet {
  if (frame.snap !== undefined && frame.tags.length > 0)
    return { ...frame, snap: { ...frame.snap, type: ethertype } };
  return { ...frame, typeOrLength: ethertype };
}

function setArp(frame: PlainEthernet, { value, mask }: ActionOf<"setArp">): Effect {
  if (![0x0806, 0x8035].includes(etherTypeOf(frame))) return "refused";
  if (frame.payload.length < 28) return "unchanged";
  const fields = (of: typeof value) =>
    Buffer.concat([be16(of.op), mac(of.sha), be32(of.spa), mac(of.tha), be32(of.tpa)]);
  setBits(frame.payload, 6, fields(value), fields(mask));
  return formatEthernet(frame);
}

function applyToIp(frame: PlainEthernet, action: OdpAction): Effect {
  const type = etherTypeOf(frame);
  const wanted =
    action.type === "setIpv4"
      ? [0x0800]
      : ["setIpv6", "setNd", "setNdExtensions"].includes(action.type)
        ? [0x86dd]
        : [0x0800, 0x86dd];
  if (!wanted.includes(type)) return "refused";
  const before = parseIp(type, frame.payload);
  if (before === undefined) return action.type === "decTtl" ? "refused" : "unchanged";
  const after = { ...before, header: Buffer.from(before.header), body: Buffer.from(before.body) };
  const effect = changeIp(after, action);
  if (effect !== "changed") return effect;
  if (after.version === 4) {
    const stored = carryChecksum(
      before.header.readUInt16BE(10),
      without(before.header, 10),
      without(after.header, 10),
    );
    after.header.writeUInt16BE(stored, 10);
  }
  carryTransportChecksum(before, after, action);
  return formatEthernet({ ...frame, payload: formatIp(after) });
}

function changeIp(ip: PlainIp, action: OdpAction): "changed" | "unchanged" | "refused" {
  switch (action.type) {
    case "setIpv4":
      return setIpv4(ip, action);
    case "setIpv6":
      return setIpv6(ip, action);
    case "decTtl": {
      const at = ip.version === 4 ? 8 : 7;
      if (ip.header[at]! <= 1) return "refused";
      ip.header[at]!--;
      return "changed";
    }
    case "setPorts":
      return setPorts(ip, action);
    case "setIcmp":
      if (ip.fragment === "later") return "unchanged";
      if (ip.protocol !== (ip.version === 4 ? 1 : 58)) return "refused";
      if (ip.body.length < 8) return "unchanged";
      setBits(
        ip.body,
        0,
        bytes(action.value.type, action.value.code),
        bytes(action.mask.type, action.mask.code),
      );
      return "changed";
    case "setNd":
    case "setNdExtensions":
      if (ip.fragment === "later") return "unchanged";
      if (ip.protocol !== 58) return "refused";
      if (ip.body.length < 24) return "unchanged";
      if (action.type === "setNd") setNd(ip.body, action);
      else setNdExtensions(ip.body, action);
      return "changed";
    default:
      throw new Error(`${action.type} does not modify a packet`);
  }
}

function setIpv4(ip: PlainIp, { value, mask }: ActionOf<"setIpv4">): "changed" {
  setBits(ip.header, 1, bytes(value.tos), bytes(mask.tos));
  setBits(ip.header, 8, bytes(value.ttl), bytes(mask.ttl));
  setBits(ip.header, 12, be32(value.src), be32(mask.src));
  setBits(ip.header, 16, be32(value.dst), be32(mask.dst));
  return "changed";
}

function setIpv6(ip: PlainIp, { value, mask }: ActionOf<"setIpv6">): "changed" {
  const word = (of: typeof value) => be32(of.tclass * 2 ** 20 + of.label);
  setBits(ip.header, 0, word(value), word(mask));
  setBits(ip.header, 7, bytes(value.hopLimit), bytes(mask.hopLimit));
  setBits(ip.header, 8, big(value.src, 16), big(mask.src, 16));
  setBits(ip.header, 24, big(value.dst, 16), big(mask.dst, 16));
  return "changed";
}

function setPorts(ip: PlainIp, { value, mask }: ActionOf<"setPorts">): "changed" | "unchanged" | "refused" {
  if (ip.fragment === "later") return "unchanged";
  if (![6, 17, 132].includes(ip.protocol)) return "refused";
  const size = ip.protocol === 6 ? 20 : ip.protocol === 17 ? 8 : 12;
  if (ip.body.length < size) return "unchanged";
  const tcpLength = (ip.body[12]! >> 4) * 4;
  if (ip.protocol === 6 && (tcpLength < 20 || tcpLength > ip.body.length)) return "unchanged";
  setBits(ip.body, 0, be16(value.src, value.dst), be16(mask.src, mask.dst));
  return "changed";
}

function setNd(message: Buffer, { value, mask }: ActionOf<"setNd">): void {
  setBits(message, 8, big(value.target, 16), big(mask.target, 16));
  for (let at = 24; at + 8 <= message.length && message[at + 1] !== 0; at += message[at + 1]! * 8) {
    const type = message[at]!;
    if (message[at + 1] !== 1 || (type !== 1 && type !== 2)) continue;
    if (type === 1) setBits(message, at + 2, mac(value.sll), mac(mask.sll));
    else setBits(message, at + 2, mac(value.tll), mac(mask.tll));
    return;
  }
}

function setNdExtensions(message: Buffer, { value, mask }: ActionOf<"setNdExtensions">): void {
  setBits(message, 4, be32(value.reserved), be32(mask.reserved));
  if (message.length > 24) setBits(message, 24, bytes(value.optionsType), bytes(mask.optionsType));
}

/** Brings the transport checksum of `after` in line with all that it covers. */
function carryTransportChecksum(before: PlainIp, after: PlainIp, action: OdpAction): void {
  if (after.fragment === "later") return;
  if (after.protocol === 132 && after.body.length >= 12) {
    const error = before.body.readUInt32LE(8) ^ crc32c(without32(before.body, 8));
    after.body.writeUInt32LE((crc32c(without32(after.body, 8)) ^ error) >>> 0, 8);
    return;
  }
  const field = checksumField(after);
  if (field === undefined || (after.protocol === 17 && after.body.readUInt16BE(field) === 0)) return;
  const whole = after.fragment === "no" && after.extra.length === 0;
  const covered = (ip: PlainIp) => {
    const pseudo = ip.version === 4 && ip.protocol === 1 ? Buffer.alloc(0) : pseudoHeader(ip);
    return Buffer.concat([pseudo, without(ip.body, field)]);
  };
  let checksum = carryChecksum(before.body.readUInt16BE(field), covered(before), covered(after));
  // Open vSwitch puts right the checksum of a message whose extensions it sets.
  if (action.type === "setNdExtensions" && whole) checksum = internetChecksum(covered(after));
  after.body.writeUInt16BE(after.protocol === 17 && checksum === 0 ? 0xffff : checksum, field);
}

/** Where the transport's checksum is; undefined where there is none, or the header is cut short. */
function checksumField(ip: PlainIp): number | undefined {
  if (ip.protocol === 6) return ip.body.length >= 20 ? 16 : undefined;
  if (ip.protocol === 17) return ip.body.length >= 8 ? 6 : undefined;
  if (ip.protocol === 58 && ip.version === 6) return ip.body.length >= 4 ? 2 : undefined;
  if (ip.protocol === 1 && ip.version === 4) return ip.body.length >= 4 ? 2 : undefined;
  return undefined;
}

function setBits(target: Buffer, at: number, value: Buffer, mask: Buffer): void {
  mask.forEach((bits, i) => {
    target[at + i] = (target[at + i]! & ~bits) | value[i]!;
  });
}

/** The DEI bit goes with a tag that changes and stays with one that does not. */
function setTag(tag: { tci: number }, value: number, mask: number): void {
  const tci = masked(tag.tci, value, mask);
  if (((tci ^ tag.tci) & 0xefff) !== 0) tag.tci = tci;
}

function masked(old: number, value: number, mask: number): number {
  return ((old & ~mask) | value) >>> 0;
}

function without(data: Buffer, field: number): Buffer {
  return Buffer.concat([data.subarray(0, field), Buffer.alloc(2), data.subarray(field + 2)]);
}

function without32(data: Buffer, field: number): Buffer {
  return Buffer.concat([data.subarray(0, field), Buffer.alloc(4), data.subarray(field + 4)]);
}

function bytes(...values: number[]): Buffer {
  return Buffer.from(values);
}

function be32(value: number): Buffer {
  return big(BigInt(value >>> 0), 4);
}

function mac(value: bigint): Buffer {
  return big(value, 6);
}

function big(value: bigint, size: number): Buffer {
  return Buffer.from(value.toString(16).padStart(size * 2, "0"), "hex");
}
