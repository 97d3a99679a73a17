// Builds one Ethernet frame for a tuple, with correct lengths and checksums (RFC 791, 768, 9293, 8200).
import { headerSize } from "./packet-kind.ts";
import type { Tuple } from "./tuple.ts";

const ETH_TYPE_IPV4 = 0x0800;
const ETH_TYPE_IPV6 = 0x86dd;
const PROTO_TCP = 6;
const PROTO_UDP = 17;
const PROTO_DESTINATION_OPTIONS = 60;
const TTL = 64;
const TCP_FLAG_ACK = 0x10;
const targetMac = [0x02, 0, 0, 0, 0, 0x02] as const;
const sourceMac = [0x02, 0, 0, 0, 0, 0x01] as const;

/** Writes the frame at `at` and returns its length: `size` bytes, or as many as the headers need. */
export function writeFrame(bytes: Uint8Array, at: number, size: number, tuple: Tuple): number {
  const length = Math.max(size, headerSize(tuple.kind));
  bytes.fill(0, at, at + length);
  const end = at + length;
  let position = writeEthernet(bytes, at, tuple);
  const network = position;
  position =
    tuple.kind.family === 4 ? writeIpv4(bytes, position, end, tuple) : writeIpv6(bytes, position, end, tuple);
  writeTransport(bytes, position, end, tuple, network);
  return length;
}

function writeEthernet(bytes: Uint8Array, at: number, tuple: Tuple): number {
  for (let i = 0; i < 6; i++) {
    bytes[at + i] = targetMac[i]!;
    bytes[at + 6 + i] = sourceMac[i]!;
  }
  let position = at + 12;
  for (let i = 0; i < tuple.kind.tags.length; i++) {
    put16(bytes, position, tuple.kind.tags[i]!);
    put16(bytes, position + 2, tuple.vlans[i]! & 0xfff);
    position += 4;
  }
  put16(bytes, position, tuple.kind.family === 4 ? ETH_TYPE_IPV4 : ETH_TYPE_IPV6);
  return position + 2;
}

function writeIpv4(bytes: Uint8Array, at: number, end: number, tuple: Tuple): number {
  bytes[at] = 0x45;
  put16(bytes, at + 2, end - at);
  bytes[at + 8] = TTL;
  bytes[at + 9] = tuple.kind.protocol === "tcp" ? PROTO_TCP : PROTO_UDP;
  put32(bytes, at + 12, tuple.source[3]!);
  put32(bytes, at + 16, tuple.target[3]!);
  put16(bytes, at + 10, fold(sum16(bytes, at, at + 20)));
  return at + 20;
}

function writeIpv6(bytes: Uint8Array, at: number, end: number, tuple: Tuple): number {
  const protocol = tuple.kind.protocol === "tcp" ? PROTO_TCP : PROTO_UDP;
  bytes[at] = 0x60;
  put16(bytes, at + 4, end - at - 40);
  bytes[at + 6] = tuple.kind.extensions ? 0 : protocol;
  bytes[at + 7] = TTL;
  for (let i = 0; i < 4; i++) {
    put32(bytes, at + 8 + 4 * i, tuple.source[i]!);
    put32(bytes, at + 24 + 4 * i, tuple.target[i]!);
  }
  if (!tuple.kind.extensions) return at + 40;
  writeOptionsHeader(bytes, at + 40, PROTO_DESTINATION_OPTIONS);
  writeOptionsHeader(bytes, at + 48, protocol);
  return at + 56;
}

/** An 8-byte options header that holds one PadN of six bytes (RFC 8200, 4.2). */
function writeOptionsHeader(bytes: Uint8Array, at: number, next: number): void {
  bytes[at] = next;
  bytes[at + 2] = 1;
  bytes[at + 3] = 4;
}

function writeTransport(bytes: Uint8Array, at: number, end: number, tuple: Tuple, network: number): void {
  put16(bytes, at, tuple.sourcePort);
  put16(bytes, at + 2, tuple.targetPort);
  const tcp = tuple.kind.protocol === "tcp";
  if (tcp) {
    bytes[at + 12] = 0x50;
    bytes[at + 13] = TCP_FLAG_ACK;
    put16(bytes, at + 14, 0xffff);
  } else put16(bytes, at + 4, end - at);
  const addresses = tuple.kind.family === 4 ? network + 12 : network + 8;
  const addressBytes = tuple.kind.family === 4 ? 8 : 32;
  const pseudo =
    sum16(bytes, addresses, addresses + addressBytes) + (tcp ? PROTO_TCP : PROTO_UDP) + (end - at);
  // The payload is zero and adds nothing.
  const checksum = fold(pseudo + sum16(bytes, at, at + (tcp ? 20 : 8)));
  put16(bytes, at + (tcp ? 16 : 6), checksum === 0 && !tcp ? 0xffff : checksum);
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

function put32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Sum of the 16-bit words in an even number of bytes. */
function sum16(bytes: Uint8Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  return sum;
}

/** Internet checksum of a sum of 16-bit words (RFC 1071). */
function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 65536);
  return ~folded & 0xffff;
}
