// Transport headers of the random frames: TCP, UDP, SCTP, ICMP, ICMPv6 with neighbour discovery, IGMP and noise.

import { IPV6_ADDRESSES, ipv6Bytes, L4_PORTS, MACS, macBytes } from "./random-pools.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** A transport header with a little payload; `pseudo` is addresses, zero and protocol for its checksum. */
export function randomTransport(
  random: SeededRandom,
  protocol: number,
  pseudo: Buffer,
  version: 4 | 6,
): Buffer {
  switch (protocol) {
    case 6:
      return withChecksum(random, tcp(random), 16, pseudo);
    case 17:
      return udp(random, pseudo);
    case 132:
      return sctp(random);
    case 1:
      return withChecksum(random, icmp(random), 2, undefined);
    case 2:
      return withChecksum(random, igmp(random), 2, undefined);
    case 58:
      return withChecksum(random, icmpv6(random), 2, version === 6 ? pseudo : undefined);
    default:
      return random.bytes(random.int(0, 40));
  }
}

/** The Internet checksum (RFC 1071) of the bytes. */
export function internetSum(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function withChecksum(random: SeededRandom, segment: Buffer, at: number, pseudo: Buffer | undefined): Buffer {
  if (random.chance(8)) {
    segment.writeUInt16BE(random.int(0, 0xffff), at);
    return segment;
  }
  segment.writeUInt16BE(0, at);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(segment.length);
  const covered = pseudo === undefined ? segment : Buffer.concat([pseudo, length, segment]);
  segment.writeUInt16BE(internetSum(covered), at);
  return segment;
}

function ports(random: SeededRandom, size: number): Buffer {
  const header = Buffer.alloc(size);
  header.writeUInt16BE(random.pick(L4_PORTS), 0);
  header.writeUInt16BE(random.pick(L4_PORTS), 2);
  return header;
}

/** RFC 9293; 12 flag bits. */
function tcp(random: SeededRandom): Buffer {
  const optionWords = random.chance(20) ? random.int(1, 10) : 0;
  const header = ports(random, 20 + optionWords * 4);
  header.writeUInt32BE(random.u32(), 4);
  header.writeUInt32BE(random.u32(), 8);
  const flags = random.weighted([
    [30, 0x02],
    [20, 0x12],
    [20, 0x10],
    [10, 0x11],
    [10, 0x04],
    [10, random.int(0, 0xfff)],
  ]);
  header.writeUInt16BE(((header.length / 4) << 12) | flags, 12);
  if (random.chance(4)) header[12] = random.int(0, 255);
  header.fill(1, 20);
  return Buffer.concat([header, random.bytes(random.int(0, 20))]);
}

/** RFC 768; a checksum of zero one time in eight. */
function udp(random: SeededRandom, pseudo: Buffer): Buffer {
  const datagram = Buffer.concat([ports(random, 8), random.bytes(random.int(0, 30))]);
  datagram.writeUInt16BE(datagram.length, 4);
  if (random.chance(4)) datagram.writeUInt16BE(random.int(0, 100), 4);
  if (random.chance(12)) return datagram;
  const summed = withChecksum(random, datagram, 6, pseudo);
  if (summed.readUInt16BE(6) === 0) summed.writeUInt16BE(0xffff, 6);
  return summed;
}

/** RFC 9260; the checksum is CRC-32C, little-endian. */
function sctp(random: SeededRandom): Buffer {
  const packet = Buffer.concat([ports(random, 12), random.bytes(random.int(0, 7) * 4)]);
  packet.writeUInt32BE(random.u32(), 4);
  if (random.chance(8)) packet.writeUInt32BE(random.u32(), 8);
  else packet.writeUInt32LE(crc32c(packet), 8);
  return packet;
}

function crc32c(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

function icmp(random: SeededRandom): Buffer {
  const message = random.bytes(8 + random.int(0, 30));
  message[0] = random.pick([0, 3, 5, 8, 11, 13]);
  message[1] = random.pick([0, 0, 1, 3, 4]);
  return message;
}

function igmp(random: SeededRandom): Buffer {
  const message = random.bytes(8 + random.int(0, 2) * 8);
  message[0] = random.pick([0x11, 0x12, 0x16, 0x17, 0x22]);
  message[1] = random.pick([0, 0, 100]);
  return message;
}

/** RFC 4443 and RFC 4861: echo, errors, multicast listener reports, and neighbour discovery with options. */
function icmpv6(random: SeededRandom): Buffer {
  const type = random.weighted([
    [35, 135],
    [30, 136],
    [10, 128],
    [5, 129],
    [5, 133],
    [5, 134],
    [5, 1],
    [3, 131],
    [2, 143],
  ]);
  const head = Buffer.alloc(8);
  head[0] = type;
  head[1] = random.chance(95) ? 0 : random.int(1, 4);
  if (random.chance(40))
    head.writeUInt32BE(random.pick([0x20000000, 0x60000000, 0xe0000000, random.u32() >>> 0]) >>> 0, 4);
  if (type !== 135 && type !== 136) return Buffer.concat([head, random.bytes(random.int(0, 32))]);
  const target = ipv6Bytes(random.pick(IPV6_ADDRESSES));
  const options: Buffer[] = [];
  const count = random.weighted([
    [20, 0],
    [65, 1],
    [12, 2],
    [3, 3],
  ]);
  for (let i = 0; i < count; i++) options.push(discoveryOption(random));
  return Buffer.concat([head, target, ...options]);
}

function discoveryOption(random: SeededRandom): Buffer {
  const type = random.weighted([
    [45, 1],
    [45, 2],
    [10, 5],
  ]);
  const units = random.weighted([
    [92, 1],
    [4, 2],
    [4, 0],
  ]);
  const address = macBytes(random.pick(MACS));
  return Buffer.concat([Buffer.from([type, units]), address, Buffer.alloc(units > 1 ? 8 : 0)]);
}
