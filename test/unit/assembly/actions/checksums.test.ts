// Checksums of modified packets: right ones stay right, judged by a receiver's own sums; wrong ones stay
// wrong by as much; and the values at the edges of one's complement arithmetic.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { OdpAction } from "../../../../src/odp/action.ts";
import { etherTypeOf, parseEthernet } from "../../../support/plain-headers.ts";
import { SeededRandom } from "../../../support/seeded-random.ts";
import { applyInFrame, packetOf, packetOfHex } from "./harness.ts";
import { actionWords } from "./operands.ts";
import { randomModification } from "./random-modifications.ts";
import { validPacket } from "./valid-packets.ts";
import { wrongChecksums } from "./verify-checksums.ts";

const ETHERNET = "020000000002 020000000001 0800";
/** 10.0.0.1 to 10.0.0.2, UDP 1234 to 80, four bytes of payload; no UDP checksum. */
const UDP = `${ETHERNET} 4500 0020 1234 4000 4011 1497 0a000001 0a000002 04d2 0050 000c 0000 01020304`;

function applied(hex: string, action: OdpAction): Buffer {
  const outcome = applyInFrame(packetOfHex(hex), actionWords(action));
  assert.ok(outcome.accepted);
  return outcome.packet.bytes;
}

function setIpv4(value: Partial<Record<"src" | "dst" | "tos" | "ttl", number>>): OdpAction {
  const all = { src: 0xffffffff, dst: 0xffffffff, tos: 0xff, ttl: 0xff };
  const mask = { src: 0, dst: 0, tos: 0, ttl: 0 };
  for (const name of Object.keys(value) as (keyof typeof all)[]) mask[name] = all[name];
  return { type: "setIpv4", value: { src: 0, dst: 0, tos: 0, ttl: 0, ...value }, mask };
}

function setPorts(src: number, dst: number): OdpAction {
  return { type: "setPorts", transport: "udp", value: { src, dst }, mask: { src: 0xffff, dst: 0xffff } };
}

/** The action, a pushed label with the bottom-of-stack bit that tells a receiver where the stack ends. */
function bottomed(action: OdpAction, packet: Buffer): OdpAction {
  if (action.type !== "pushMpls") return action;
  const frame = parseEthernet(packet);
  const isLabelled = frame !== undefined && [0x8847, 0x8848].includes(etherTypeOf(frame));
  return { ...action, lse: ((action.lse & ~0x100) | (isLabelled ? 0 : 0x100)) >>> 0 };
}

test("a receiver finds every checksum of a modified packet right", () => {
  let changed = 0;
  for (let seed = 1; seed <= 4000; seed++) {
    const random = new SeededRandom(seed);
    let packet = packetOf(validPacket(random));
    assert.deepEqual(wrongChecksums(packet.bytes), [], `seed ${seed}: the packet is right to begin with`);
    for (let i = 0; i < 4; i++) {
      const action = bottomed(randomModification(random, packet.bytes), packet.bytes);
      if (["pushEth", "popEth", "popMpls", "setMpls"].includes(action.type)) continue;
      const outcome = applyInFrame(packet, actionWords(action));
      if (outcome.packet.bytes.equals(packet.bytes)) continue;
      packet = outcome.packet;
      changed++;
    }
    assert.deepEqual(wrongChecksums(packet.bytes), [], `seed ${seed}: ${packet.bytes.toString("hex")}`);
  }
  assert.ok(changed > 4000, `${changed} changes`);
});

test("a wrong IPv4 header checksum stays wrong by the same difference", () => {
  const off = packetOfHex(UDP).bytes;
  off.writeUInt16BE(off.readUInt16BE(24) + 5, 24);
  const right = applied(UDP, setIpv4({ dst: 0xc0a80101, tos: 0xb8 }));
  const wrong = applied(off.toString("hex"), setIpv4({ dst: 0xc0a80101, tos: 0xb8 }));
  assert.deepEqual(wrongChecksums(right), []);
  assert.deepEqual(wrongChecksums(wrong), ["ipv4"]);
  assert.equal(wrong.readUInt16BE(24), right.readUInt16BE(24) + 5);
});

test("a UDP datagram without checksum stays without", () => {
  const bytes = applied(applied(UDP, setIpv4({ src: 0x01020304, dst: 0 })).toString("hex"), setPorts(1, 2));
  assert.equal(bytes.readUInt16BE(40), 0);
  assert.equal(bytes.readUInt32BE(34), 0x00010002);
});

test("a UDP checksum that comes out as 0 is sent as 0xffff", () => {
  // From a checksum of 1, a port one less makes 2, and one more makes 0.
  const one = UDP.replace("000c 0000", "000c 0001");
  assert.equal(applied(one, setPorts(1234, 79)).readUInt16BE(40), 2);
  assert.equal(applied(one, setPorts(1234, 81)).readUInt16BE(40), 0xffff);
  assert.equal(applied(one, setIpv4({ dst: 0x0a000003 })).readUInt16BE(40), 0xffff);
});

test("a TCP checksum may come out as 0", () => {
  const tcp = `${ETHERNET} 4500 0028 0000 0000 4006 66ce 0a000001 0a000002
    04d2 0050 00000000 00000000 5000 0000 0001 0000`;
  assert.equal(applied(tcp, setPorts(1234, 81)).readUInt16BE(50), 0);
  assert.equal(applied(tcp, setIpv4({ dst: 0x0a000003 })).readUInt16BE(50), 0);
});

test("fields that keep their values leave a checksum of 0xffff alone", () => {
  const odd = UDP.replace("4011 1497", "4011 ffff");
  assert.equal(applied(odd, setIpv4({ src: 0x0a000001, ttl: 64 })).readUInt16BE(24), 0xffff);
  assert.equal(applied(odd, setIpv4({ dst: 0x0a000003 })).readUInt16BE(24), 0xfffe);
});

test("a checksum of 0xffff stays one when all that changes goes from ones to zeros", () => {
  // Equation 3 of RFC 1624, as Open vSwitch works it out: the sum is 0, and its complement 0xffff.
  const ones = UDP.replace("4011 1497", "4011 ffff").replace("0a000002", "ffffffff");
  assert.equal(applied(ones, setIpv4({ dst: 0 })).readUInt16BE(24), 0xffff);
});

test("IPv6 addresses and targets that keep their values leave a checksum of 0xffff alone", () => {
  const message = `020000000002 020000000001 86dd 60000000 0018 3aff ${"20".repeat(32)} 8700 ffff 00000000 ${"20".repeat(16)}`;
  const same = BigInt(`0x${"20".repeat(16)}`);
  const all = (1n << 128n) - 1n;
  const none = { label: 0, tclass: 0, hopLimit: 0 };
  const addresses: OdpAction = {
    type: "setIpv6",
    value: { src: same, dst: same, ...none },
    mask: { src: all, dst: all, ...none },
  };
  const target: OdpAction = {
    type: "setNd",
    value: { target: same, sll: 0n, tll: 0n },
    mask: { target: all, sll: 0n, tll: 0n },
  };
  for (const action of [addresses, target]) {
    assert.equal(applied(message, action).toString("hex"), message.replaceAll(" ", ""));
  }
});

test("TTL and header checksum step together at every value", () => {
  for (const checksum of [0, 1, 0x00fe, 0x00ff, 0x0100, 0xfeff, 0xff00, 0xfefe, 0xfffe, 0xffff, 0x1497]) {
    const hex = UDP.replace("4011 1497", `4011 ${checksum.toString(16).padStart(4, "0")}`);
    const stepped = applied(hex, { type: "decTtl" });
    // Setting 63 makes the same change by the general rule.
    assert.deepEqual(stepped, applied(hex, setIpv4({ ttl: 63 })), `checksum ${checksum.toString(16)}`);
  }
  for (let ttl = 2; ttl < 256; ttl++) {
    const bytes = applied(applied(UDP, setIpv4({ ttl })).toString("hex"), { type: "decTtl" });
    assert.equal(bytes[22], ttl - 1);
    assert.deepEqual(wrongChecksums(bytes), []);
  }
});

test("SCTP's CRC32c follows the ports over any length, and stays wrong by the same bits", () => {
  const random = new SeededRandom(5);
  const ports = { src: 0xabcd, dst: 0x1234 };
  const action: OdpAction = {
    type: "setPorts",
    transport: "sctp",
    value: ports,
    mask: { src: 0xffff, dst: 0xffff },
  };
  for (const length of [12, 13, 15, 16, 27, 100, 255, 256, 1000, 1480]) {
    const head = Buffer.from(`${ETHERNET}450000000000000040840000`.replaceAll(" ", ""), "hex");
    head.writeUInt16BE(20 + length, 16);
    const packet = Buffer.concat([head, random.bytes(8), random.bytes(length)]);
    const outcome = applyInFrame(packetOf(packet), actionWords(action));
    const righted = Buffer.from(packet);
    righted.writeUInt32LE(rightSctp(packet), 42);
    const right: Buffer = applyInFrame(packetOf(righted), actionWords(action)).packet.bytes;
    assert.ok(!wrongChecksums(right).includes("sctp"), `length ${length}`);
    const error = packet.readUInt32LE(42) ^ righted.readUInt32LE(42);
    assert.equal(outcome.packet.bytes.readUInt32LE(42) ^ right.readUInt32LE(42), error);
  }
});

/** The checksum that makes the SCTP packet at 34 right, found by the receiver's own test. */
function rightSctp(packet: Buffer): number {
  const segment = Buffer.from(packet.subarray(34));
  segment.fill(0, 8, 12);
  let crc = 0xffffffff;
  for (const byte of segment) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}
