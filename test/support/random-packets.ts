// Seeded random frames of every protocol the switch parses, whole and broken: tags, labels, IPv4 options, IPv6
// extension headers, fragments, lying lengths, wrong checksums, cut frames. A third of them are one header bit
// away from an earlier one.

import { randomIpv4, randomIpv6 } from "./random-ip-packets.ts";
import {
  ETHERTYPES,
  IPV4_ADDRESSES,
  ipv4Bytes,
  MACS,
  MPLS_LABELS,
  macBytes,
  TTLS,
  VLAN_IDS,
} from "./random-pools.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** A frame and the port it comes in on. */
export interface RandomPacket {
  port: number;
  hex: string;
}

export interface PacketOptions {
  count: number;
  /** Ports 1..ports. */
  ports: number;
  /** Keep only frames whose headers are whole. */
  whole?: boolean;
}

/** Draws `count` frames. */
export function randomPackets(random: SeededRandom, options: PacketOptions): RandomPacket[] {
  const packets: RandomPacket[] = [];
  while (packets.length < options.count) {
    const port = random.int(1, options.ports);
    const earlier = packets.length > 0 && random.chance(33) ? random.pick(packets) : undefined;
    if (earlier === undefined)
      packets.push({ port, hex: randomFrame(random, options.whole ?? false).toString("hex") });
    else packets.push({ port: random.chance(80) ? earlier.port : port, hex: flipBit(random, earlier.hex) });
  }
  return packets;
}

/** One frame of at least 14 bytes. */
export function randomFrame(random: SeededRandom, whole: boolean): Buffer {
  const ethernet = Buffer.concat([macBytes(random.pick(MACS)), macBytes(random.pick(MACS))]);
  let frame: Buffer = Buffer.concat([ethernet, randomTags(random), randomPayload(random)]);
  if (random.chance(30) && frame.length < 60) frame = Buffer.concat([frame, Buffer.alloc(60 - frame.length)]);
  if (!whole && random.chance(12)) frame = frame.subarray(0, random.int(14, Math.max(14, frame.length)));
  return frame;
}

/** Flips one bit, mostly of the headers. */
function flipBit(random: SeededRandom, hex: string): string {
  const bytes = Buffer.from(hex, "hex");
  const end = random.chance(90) ? Math.min(bytes.length, 74) : bytes.length;
  const at = random.int(0, end - 1);
  bytes[at] = bytes[at]! ^ (1 << random.int(0, 7));
  return bytes.toString("hex");
}

function randomTags(random: SeededRandom): Buffer {
  const tpids = random.weighted<number[]>([
    [64, []],
    [18, [0x8100]],
    [4, [0x88a8]],
    [7, [0x88a8, 0x8100]],
    [3, [0x8100, 0x8100]],
    [2, [0x88a8, 0x88a8]],
    [2, [0x88a8, 0x8100, 0x8100]],
  ]);
  const tags = tpids.map((tpid) => {
    const tag = Buffer.alloc(4);
    tag.writeUInt16BE(tpid, 0);
    tag.writeUInt16BE((random.int(0, 7) << 13) | (random.chance(10) ? 0x1000 : 0) | random.pick(VLAN_IDS), 2);
    return tag;
  });
  return Buffer.concat(tags);
}

function randomPayload(random: SeededRandom): Buffer {
  const kind = random.weighted<() => Buffer>([
    [46, () => withType(0x0800, randomIpv4(random))],
    [26, () => withType(0x86dd, randomIpv6(random))],
    [9, () => withType(random.chance(80) ? 0x0806 : 0x8035, randomArp(random))],
    [10, () => randomMpls(random)],
    [4, () => randomLlc(random)],
    [5, () => withType(random.pick(ETHERTYPES), random.bytes(random.int(0, 60)))],
  ]);
  return kind();
}

function withType(type: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(2);
  header.writeUInt16BE(type);
  return Buffer.concat([header, payload]);
}

/** RFC 826; now and then with another hardware or protocol type, or an opcode over 255. */
function randomArp(random: SeededRandom): Buffer {
  const header = Buffer.from([0, 1, 8, 0, 6, 4, 0, 0]);
  header.writeUInt16BE(
    random.weighted([
      [50, 1],
      [40, 2],
      [5, 3],
      [3, 0x101],
      [2, 0],
    ]),
    6,
  );
  if (random.chance(8)) {
    const at = random.int(0, 5);
    header[at] = random.u32();
  }
  const address = () => Buffer.concat([macBytes(random.pick(MACS)), ipv4Bytes(random.pick(IPV4_ADDRESSES))]);
  return Buffer.concat([header, address(), address()]);
}

/** RFC 3032: one to four labels over IPv4, IPv6, Ethernet or noise. */
function randomMpls(random: SeededRandom): Buffer {
  const count = random.weighted([
    [50, 1],
    [25, 2],
    [15, 3],
    [10, 4],
  ]);
  const stack = Buffer.alloc(count * 4);
  for (let i = 0; i < count; i++) {
    const bottom = i === count - 1 && random.chance(95) ? 1 : 0;
    const entry =
      (random.pick(MPLS_LABELS) * 4096 + random.int(0, 7) * 512 + bottom * 256 + random.pick(TTLS)) >>> 0;
    stack.writeUInt32BE(entry, i * 4);
  }
  const inner = random.weighted<() => Buffer>([
    [50, () => randomIpv4(random)],
    [25, () => randomIpv6(random)],
    [25, () => random.bytes(random.int(0, 40))],
  ]);
  return withType(random.chance(80) ? 0x8847 : 0x8848, Buffer.concat([stack, inner()]));
}

/** IEEE 802.3 length with LLC, and SNAP (RFC 1042) half of the time. */
function randomLlc(random: SeededRandom): Buffer {
  const snap = random.chance(60);
  const organisation = random.chance(80) ? [0, 0, 0] : [0, 0, 0x0c];
  const llc = snap
    ? [0xaa, 0xaa, 0x03, ...organisation]
    : [random.pick([0x42, 0xe0, 0xfe, 0xaa]), random.pick([0x42, 0xfe, 0xaa]), 0x03];
  const payload = random.chance(70) ? randomIpv4(random) : random.bytes(random.int(0, 46));
  const type = random.pick([0x0800, 0x0800, 0x88cc, 0x05ff, 0x0100]);
  const body = snap
    ? Buffer.concat([Buffer.from(llc), withType(type, payload)])
    : Buffer.concat([Buffer.from(llc), payload]);
  return withType(random.chance(85) ? Math.min(body.length, 1500) : random.int(0, 0x5ff), body);
}
