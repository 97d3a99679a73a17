// Random packets that are right in every way: lengths, checksums, extension headers. Routing headers may
// have segments left; then the checksums cover the final destination.

import { crc32c, internetChecksum } from "../../../support/plain-checksums.ts";
import { be16 } from "../../../support/plain-headers.ts";
import { randomFrame } from "../../../support/random-packets.ts";
import type { SeededRandom } from "../../../support/seeded-random.ts";

/** Any protocol, with up to two tags, sometimes padded to 60 bytes. */
export function validPacket(random: SeededRandom): Buffer {
  const [type, payload] = random.weighted<() => [number, Buffer]>([
    [45, () => [0x0800, validIpv4(random)]],
    [40, () => [0x86dd, validIpv6(random)]],
    [8, () => [0x0806, Buffer.concat([Buffer.from("0001080006040001", "hex"), random.bytes(20)])]],
    [
      7,
      () => [
        0x8847,
        Buffer.concat([Buffer.from("00064040", "hex"), Buffer.from("00010140", "hex"), validIpv4(random)]),
      ],
    ],
  ])();
  const link = Buffer.concat([randomFrame(random, true).subarray(0, 12), ...tags(random)]);
  const snap = random.chance(5) && payload.length < 1400;
  const llc = Buffer.from("aaaa03000000", "hex");
  const named = snap ? Buffer.concat([be16(payload.length + 8), llc, be16(type)]) : be16(type);
  const frame = Buffer.concat([link, named, payload]);
  return frame.length < 60 && random.chance(50)
    ? Buffer.concat([frame, random.bytes(60 - frame.length)])
    : frame;
}

/** RFC 791. */
export function validIpv4(random: SeededRandom): Buffer {
  const options = random.chance(15) ? random.bytes(4 * random.int(1, 10)) : Buffer.alloc(0);
  const protocol = random.pick([6, 17, 132, 1, 47]);
  const fragment = random.weighted([
    [80, 0x4000],
    [10, 0x2000],
    [10, random.int(1, 0x1fff)],
  ]);
  const header = Buffer.concat([random.bytes(20), options]);
  const body = transport(random, protocol, Buffer.concat([header.subarray(12, 20)]), 4);
  header[0] = 0x40 + header.length / 4;
  header.writeUInt16BE(header.length + body.length, 2);
  header.writeUInt16BE(fragment, 6);
  header[9] = protocol;
  header.writeUInt16BE(0, 10);
  header.writeUInt16BE(internetChecksum(header), 10);
  return Buffer.concat([header, body]);
}

/** RFC 8200. */
export function validIpv6(random: SeededRandom): Buffer {
  const header = random.bytes(40);
  const protocol = random.pick([6, 17, 132, 58, 58, 47]);
  const chain = random.chance(40) ? [0, 60, 43, 44, 51].filter(() => random.chance(40)) : [];
  let destination = header.subarray(24, 40);
  const extensions = chain.map((type, index) => {
    const extension = extensionHeader(random, type, chain[index + 1] ?? protocol);
    if (type === 43 && extension[3] !== 0) destination = extension.subarray(extension.length - 16);
    return extension;
  });
  const body = transport(random, protocol, Buffer.concat([header.subarray(8, 24), destination]), 6);
  header[0] = 0x60 + (header[0]! % 16);
  header.writeUInt16BE(Buffer.concat(extensions).length + body.length, 4);
  header[6] = chain[0] ?? protocol;
  return Buffer.concat([header, ...extensions, body]);
}

function tags(random: SeededRandom): Buffer[] {
  const count = random.weighted([
    [70, 0],
    [20, 1],
    [10, 2],
  ]);
  return Array.from({ length: count }, () => be16(random.pick([0x8100, 0x88a8]), random.int(0, 0xffff)));
}

function extensionHeader(random: SeededRandom, type: number, next: number): Buffer {
  if (type === 44) {
    const offset = random.weighted([
      [50, 0],
      [25, 1],
      [25, random.int(1, 0x1fff) * 8],
    ]);
    return Buffer.concat([Buffer.from([next, 0]), be16(offset), random.bytes(4)]);
  }
  if (type === 43) {
    const addresses = random.int(1, 3);
    const start = Buffer.from([next, addresses * 2, 0, random.int(0, addresses), 0, 0, 0, 0]);
    return Buffer.concat([start, random.bytes(addresses * 16)]);
  }
  const units = random.int(0, 2);
  const header = random.bytes(type === 51 ? (units + 2) * 4 : (units + 1) * 8);
  header[0] = next;
  header[1] = units;
  return header;
}

/** A transport packet; `addresses` are those of its pseudo header. */
function transport(random: SeededRandom, protocol: number, addresses: Buffer, version: 4 | 6): Buffer {
  const payload = random.bytes(random.int(0, 60));
  switch (protocol) {
    case 6: {
      const header = random.bytes(20 + 4 * random.int(0, 3));
      header[12] = (header.length / 4) * 16;
      return summed(Buffer.concat([header, payload]), 16, addresses, protocol);
    }
    case 17: {
      const datagram = Buffer.concat([random.bytes(4), be16(8 + payload.length, 0), payload]);
      if (random.chance(20)) return datagram;
      const packet = summed(datagram, 6, addresses, protocol);
      if (packet.readUInt16BE(6) === 0) packet.writeUInt16BE(0xffff, 6);
      return packet;
    }
    case 132: {
      const packet = Buffer.concat([random.bytes(8), Buffer.alloc(4), payload]);
      packet.writeUInt32LE(crc32c(packet), 8);
      return packet;
    }
    case 1:
      return summed(Buffer.concat([random.bytes(8), payload]), 2, undefined, protocol);
    case 58: {
      const message = random.chance(70) ? discovery(random) : Buffer.concat([random.bytes(8), payload]);
      return summed(message, 2, version === 6 ? addresses : undefined, protocol);
    }
    default:
      return payload;
  }
}

/** RFC 4861: a solicitation or advertisement with up to three options. */
function discovery(random: SeededRandom): Buffer {
  const options = Array.from({ length: random.int(0, 3) }, () => {
    const units = random.weighted([
      [80, 1],
      [20, 3],
    ]);
    return Buffer.concat([Buffer.from([random.pick([1, 1, 2, 2, 14]), units]), random.bytes(units * 8 - 2)]);
  });
  const head = Buffer.from([random.pick([135, 136]), 0, 0, 0]);
  return Buffer.concat([head, random.bytes(4), random.bytes(16), ...options]);
}

/** Fills in the Internet checksum at `at`. */
function summed(packet: Buffer, at: number, addresses: Buffer | undefined, protocol: number): Buffer {
  packet.writeUInt16BE(0, at);
  const pseudo = addresses === undefined ? [] : [addresses, be16(packet.length, protocol)];
  packet.writeUInt16BE(internetChecksum(Buffer.concat([...pseudo, packet])), at);
  return packet;
}
