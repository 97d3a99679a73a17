// The IPv4 and IPv6 part of the random frames: options, extension headers, fragments, lying lengths, and the
// transport headers with right and wrong checksums.

import { IPV4_ADDRESSES, IPV6_ADDRESSES, ipv4Bytes, ipv6Bytes, TOS_VALUES, TTLS } from "./random-pools.ts";
import { internetSum, randomTransport } from "./random-transport-packets.ts";
import type { SeededRandom } from "./seeded-random.ts";

const NEXT_HOP_BY_HOP = 0;
const NEXT_ROUTING = 43;
const NEXT_FRAGMENT = 44;
const NEXT_ESP = 50;
const NEXT_AUTHENTICATION = 51;
const NEXT_NONE = 59;
const NEXT_DESTINATION = 60;
const NEXT_MOBILITY = 135;

/** RFC 791. */
export function randomIpv4(random: SeededRandom): Buffer {
  const protocol = random.weighted([
    [38, 6],
    [30, 17],
    [8, 132],
    [12, 1],
    [4, 2],
    [2, 47],
    [2, 50],
    [2, 0],
    [2, 58],
  ]);
  const source = ipv4Bytes(random.pick(IPV4_ADDRESSES));
  const target = ipv4Bytes(random.pick(IPV4_ADDRESSES));
  const optionWords = random.chance(12) ? random.int(1, 10) : 0;
  const fragment = random.weighted([
    [80, 0],
    [8, 0x4000],
    [5, 0x2000],
    [4, 0x2000 | random.int(1, 200)],
    [3, random.int(1, 200)],
  ]);
  const pseudo = Buffer.concat([source, target, Buffer.from([0, protocol])]);
  const payload = randomTransport(random, protocol, pseudo, 4);
  const header = Buffer.alloc(20 + optionWords * 4);
  header[0] = 0x40 | (header.length / 4);
  header[1] = random.pick(TOS_VALUES);
  header.writeUInt16BE(header.length + payload.length, 2);
  header.writeUInt16BE(random.int(0, 0xffff), 4);
  header.writeUInt16BE(fragment, 6);
  header[8] = random.pick(TTLS);
  header[9] = protocol;
  source.copy(header, 12);
  target.copy(header, 16);
  header.fill(1, 20);
  if (random.chance(4)) header[0] = random.int(0, 255);
  if (random.chance(5)) header.writeUInt16BE(random.int(0, header.length + payload.length + 40), 2);
  if (random.chance(88)) header.writeUInt16BE(internetSum(header), 10);
  return Buffer.concat([header, payload]);
}

/** RFC 8200. */
export function randomIpv6(random: SeededRandom): Buffer {
  const protocol = random.weighted([
    [32, 6],
    [22, 17],
    [6, 132],
    [34, 58],
    [2, NEXT_NONE],
    [2, 47],
    [2, 1],
  ]);
  const source = ipv6Bytes(random.pick(IPV6_ADDRESSES));
  const target = ipv6Bytes(random.pick(IPV6_ADDRESSES));
  const pseudo = Buffer.concat([source, target, Buffer.from([0, protocol])]);
  const payload = randomTransport(random, protocol, pseudo, 6);
  const extensions = randomExtensions(random, protocol);
  const header = Buffer.alloc(40);
  const label = random.weighted([
    [60, 0],
    [20, 5],
    [20, random.int(0, 0xfffff)],
  ]);
  header.writeUInt32BE((0x60000000 + random.pick(TOS_VALUES) * 0x100000 + label) >>> 0, 0);
  header.writeUInt16BE(extensions.bytes.length + payload.length, 4);
  header[6] = extensions.first;
  header[7] = random.pick([...TTLS, 255, 255]);
  source.copy(header, 8);
  target.copy(header, 24);
  if (random.chance(4)) header[0] = random.int(0, 255);
  if (random.chance(5)) header.writeUInt16BE(random.int(0, extensions.bytes.length + payload.length + 40), 4);
  return Buffer.concat([header, extensions.bytes, payload]);
}

/** A chain of up to four extension headers, mostly in the order that RFC 8200 section 4.1 recommends. */
function randomExtensions(random: SeededRandom, protocol: number): { first: number; bytes: Buffer } {
  const all = [
    NEXT_HOP_BY_HOP,
    NEXT_DESTINATION,
    NEXT_ROUTING,
    NEXT_FRAGMENT,
    NEXT_AUTHENTICATION,
    NEXT_MOBILITY,
  ];
  let chain: number[] = [];
  if (random.chance(35)) chain = all.filter(() => random.chance(35)).slice(0, 4);
  if (random.chance(4)) chain = [random.pick(all), random.pick(all), random.pick(all)];
  if (random.chance(2)) chain.push(NEXT_ESP);
  const parts = chain.map((type, index) => randomExtension(random, type, chain[index + 1] ?? protocol));
  return { first: chain[0] ?? protocol, bytes: Buffer.concat(parts) };
}

function randomExtension(random: SeededRandom, type: number, next: number): Buffer {
  if (type === NEXT_FRAGMENT) {
    const header = Buffer.alloc(8);
    header[0] = next;
    const offset = random.weighted([
      [40, 0],
      [60, random.int(0, 100)],
    ]);
    header.writeUInt16BE(offset * 8 + (random.chance(50) ? 1 : 0), 2);
    header.writeUInt32BE(random.u32(), 4);
    return header;
  }
  const units = random.int(0, 2);
  const size = type === NEXT_AUTHENTICATION ? (units + 2) * 4 : (units + 1) * 8;
  const header = Buffer.alloc(size);
  header[0] = next;
  header[1] = units;
  if (random.chance(5)) header[1] = random.int(0, 40);
  return header;
}
