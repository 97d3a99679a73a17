// IPv4, IPv6, ARP and neighbour discovery fields: the cases that have a name, with their bytes.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { OdpAction } from "../../../../src/odp/action.ts";
import { carryChecksum } from "../../../support/plain-checksums.ts";
import { applyInFrame, packetOfHex } from "./harness.ts";
import { actionWords } from "./operands.ts";

const ADDRESSES = "020000000002020000000001";
/** An IPv4 header of 20 bytes: total length, fragment word, TTL and protocol vary. */
function ipv4(total: string, fragment: string, ttl: string, protocol: string): string {
  return `${ADDRESSES}0800 4500 ${total} 1234 ${fragment} ${ttl}${protocol} aaaa 0a000001 0a000002`;
}
const SOURCE = "20010db8000000000000000000000001";
const TARGET = "20010db8000000000000000000000002";
function ipv6(length: string, next: string, hops = "40"): string {
  return `${ADDRESSES}86dd 60000000 ${length} ${next}${hops} ${SOURCE} ${TARGET}`;
}
const TCP = "04d2 0050 00000001 00000002 5010 0100 cccc 0000";

function plain(hex: string): string {
  return hex.replaceAll(/\s/g, "");
}

function after(hex: string, action: OdpAction): string {
  const outcome = applyInFrame(packetOfHex(hex), actionWords(action));
  assert.ok(outcome.accepted, `${action.type} is taken`);
  return outcome.packet.bytes.toString("hex");
}

function refuses(hex: string, action: OdpAction): void {
  const outcome = applyInFrame(packetOfHex(hex), actionWords(action));
  assert.equal(outcome.accepted, false, `${action.type} is refused`);
  assert.equal(outcome.packet.bytes.toString("hex"), plain(hex));
}

/** Checks that the packet takes the action and stays as it is. */
function ignores(hex: string, action: OdpAction): void {
  assert.equal(after(hex, action), plain(hex));
}

const NEW_DESTINATION: OdpAction = {
  type: "setIpv4",
  value: { src: 0, dst: 0x0a000102, tos: 0, ttl: 0 },
  mask: { src: 0, dst: 0xffffffff, tos: 0, ttl: 0 },
};
const NEW_PORTS: OdpAction = {
  type: "setPorts",
  transport: "tcp",
  value: { src: 0, dst: 8080 },
  mask: { src: 0, dst: 0xffff },
};
const NEW_IPV6: OdpAction = {
  type: "setIpv6",
  value: { src: 0n, dst: 0xfe80n << 112n, label: 0, tclass: 0, hopLimit: 0 },
  mask: { src: 0n, dst: (1n << 128n) - 1n, label: 0, tclass: 0, hopLimit: 0 },
};

test("a TTL or hop limit of 2 becomes 1; of 1 and 0 it refuses", () => {
  const decrement: OdpAction = { type: "decTtl" };
  assert.equal(
    after(ipv4("0014", "0000", "02", "2f"), decrement),
    plain(ipv4("0014", "0000", "01", "2f")).replace("aaaa", "abaa"),
  );
  assert.equal(after(ipv6("0000", "3b", "02"), decrement), plain(ipv6("0000", "3b", "01")));
  for (const ttl of ["01", "00"]) {
    refuses(ipv4("0014", "0000", ttl, "2f"), decrement);
    refuses(ipv6("0000", "3b", ttl), decrement);
  }
});

test("the TTL is found behind tags, SNAP and under IPv4 options, and not under labels", () => {
  const decrement: OdpAction = { type: "decTtl" };
  const header = plain(ipv4("0014", "0000", "40", "2f")).slice(ADDRESSES.length);
  const stepped = header.replace("402faaaa", "3f2fabaa");
  for (const between of ["81000001", "88a8000181000002", "001caaaa03000000"]) {
    assert.equal(after(ADDRESSES + between + header, decrement), ADDRESSES + between + stepped);
  }
  const options = header.replace("45000014", "46000018");
  assert.equal(
    after(`${ADDRESSES}${options}01010101`, decrement),
    `${ADDRESSES}${options.replace("402faaaa", "3f2fabaa")}01010101`,
  );
  refuses(`${ADDRESSES}884700064140${header.slice(4)}`, decrement);
  refuses(`${ADDRESSES}0806${header.slice(4)}`, decrement);
});

test("headers that lie about their length are left alone, and have no TTL", () => {
  for (const hex of [
    ipv4("0013", "0000", "40", "06"), // total length under the header's
    ipv4("0015", "0000", "40", "06"), // total length over the packet's
    ipv4("0014", "0000", "40", "06").replace("4500", "4400"),
    ipv4("0014", "0000", "40", "06").replace("4500", "4600"),
    ipv4("0014", "0000", "40", "06").slice(0, -2),
  ]) {
    ignores(hex, NEW_DESTINATION);
    ignores(hex, NEW_PORTS);
    refuses(hex, { type: "decTtl" });
  }
  for (const hex of [
    ipv6("0001", "06"),
    ipv6("0000", "06").slice(0, -2),
    `${ipv6("0008", "00")} 0601000000000000`,
    ipv6("0000", "2b"),
  ]) {
    ignores(hex, NEW_IPV6);
    ignores(hex, NEW_PORTS);
    refuses(hex, { type: "decTtl" });
  }
});

test("an address change reaches the TCP checksum of whole packets and first fragments only", () => {
  const changed = (hex: string) => after(hex, NEW_DESTINATION);
  const checksum = carryChecksum(0xcccc, Buffer.from("0002", "hex"), Buffer.from("0102", "hex")).toString(16);
  for (const fragment of ["0000", "4000", "2000"]) {
    assert.match(changed(`${ipv4("0028", fragment, "40", "06")} ${TCP}`), new RegExp(`0100${checksum}0000$`));
  }
  for (const fragment of ["2001", "0001", "1fff"]) {
    assert.match(changed(`${ipv4("0028", fragment, "40", "06")} ${TCP}`), /0100cccc0000$/);
  }
  // One byte short of a TCP header: no checksum field to change, even where padding would hold it.
  assert.match(changed(`${ipv4("0027", "0000", "40", "06")} ${TCP}`), /0100cccc0000$/);
});

test("ports are set in first fragments, and later ones have none", () => {
  assert.match(after(`${ipv4("0028", "2000", "40", "06")} ${TCP}`, NEW_PORTS), /04d21f90/);
  ignores(`${ipv4("0028", "0001", "40", "06")} ${TCP}`, NEW_PORTS);
  ignores(`${ipv6("001c", "2c")} 0600000900000000 ${TCP}`, NEW_PORTS);
  assert.match(after(`${ipv6("001c", "2c")} 0600000100000000 ${TCP}`, NEW_PORTS), /04d21f90/);
});

test("a transport header cut short is left as it is", () => {
  ignores(`${ipv4("0027", "0000", "40", "06")} ${TCP}`, NEW_PORTS);
  ignores(`${ipv4("0028", "0000", "40", "06")} ${TCP.replace("5010", "4010")}`, NEW_PORTS);
  ignores(`${ipv4("0028", "0000", "40", "06")} ${TCP.replace("5010", "6010")}`, NEW_PORTS);
  ignores(`${ipv4("001b", "0000", "40", "11")} 04d20050000800`, NEW_PORTS);
  ignores(`${ipv4("001f", "0000", "40", "84")} 04d20050000000000000000000`, NEW_PORTS);
  const icmp: OdpAction = {
    type: "setIcmp",
    version: 4,
    value: { type: 8, code: 0 },
    mask: { type: 255, code: 255 },
  };
  ignores(`${ipv4("001b", "0000", "40", "01")} 00010000000000`, icmp);
});

test("protocols without ports, type or code refuse to have them set", () => {
  const icmp: OdpAction = {
    type: "setIcmp",
    version: 4,
    value: { type: 8, code: 0 },
    mask: { type: 255, code: 255 },
  };
  refuses(`${ipv4("0028", "0000", "40", "2f")} ${TCP}`, NEW_PORTS);
  refuses(`${ipv4("0028", "0000", "40", "3a")} ${TCP}`, icmp);
  refuses(`${ipv6("0014", "01")} ${TCP}`, icmp);
  refuses(`${ipv4("0028", "0000", "40", "06")} ${TCP}`, NEW_IPV6);
  refuses(`${ipv6("0014", "06")} ${TCP}`, NEW_DESTINATION);
});

test("with segments left in a routing header the checksum covers another destination", () => {
  const routing = (left: string) => `0602 00${left} 00000000 20010db80000000000000000000000ff`;
  const change = carryChecksum(
    0xcccc,
    Buffer.from(TARGET, "hex"),
    Buffer.concat([Buffer.from("fe80", "hex"), Buffer.alloc(14)]),
  );
  const checksum = (left: string) =>
    after(`${ipv6("002c", "2b")} ${routing(left)} ${TCP}`, NEW_IPV6).slice(-8, -4);
  assert.equal(checksum("01"), "cccc");
  assert.equal(checksum("00"), change.toString(16));
  const source: OdpAction = {
    type: "setIpv6",
    value: { src: 2n, dst: 0n, label: 0, tclass: 0, hopLimit: 0 },
    mask: { src: 0xffffn, dst: 0n, label: 0, tclass: 0, hopLimit: 0 },
  };
  const sourced = after(`${ipv6("002c", "2b")} ${routing("01")} ${TCP}`, source).slice(-8, -4);
  const stepped = carryChecksum(0xcccc, Buffer.from("0001", "hex"), Buffer.from("0002", "hex"));
  assert.equal(sourced, stepped.toString(16));
});

test("traffic class and flow label share their word with the version", () => {
  const all: OdpAction = {
    type: "setIpv6",
    value: { src: 0n, dst: 0n, label: 0xabcde, tclass: 0x12, hopLimit: 0x34 },
    mask: { src: 0n, dst: 0n, label: 0xfffff, tclass: 0xff, hopLimit: 0xff },
  };
  assert.match(after(ipv6("0000", "3b"), all), /^.{28}612abcde00003b34/);
  const over: OdpAction = {
    ...all,
    value: { ...all.value, label: 0xfffabcde },
    mask: { ...all.mask, label: 0xffffffff },
  };
  assert.equal(
    after(ipv6("0000", "3b"), over),
    after(ipv6("0000", "3b"), all),
    "bits over the label's 20 do not count",
  );
  const some: OdpAction = {
    ...all,
    mask: { ...all.mask, label: 0xf, tclass: 0x3, hopLimit: 0 },
    value: { ...all.value, label: 0xe, tclass: 0x2, hopLimit: 0 },
  };
  assert.match(after(ipv6("0000", "3b").replace("60000000", "6ff11111"), some), /^.{28}6fe1111e00003b40/);
});

test("ARP fields are set under their masks, whatever the hardware; a short packet is left alone", () => {
  const set: OdpAction = {
    type: "setArp",
    value: { op: 2, spa: 0x0a000009, tpa: 0, sha: 0x02aan, tha: 0n },
    mask: { op: 0xffff, spa: 0xffffffff, tpa: 0, sha: 0xffffn, tha: 0xffn },
  };
  const body = "0001 0800 0604 0001 020000000001 0a000001 0200000000ff 0a000002";
  const want = "0001 0800 0604 0002 0200000002aa 0a000009 020000000000 0a000002";
  for (const type of ["0806", "8035"])
    assert.equal(after(ADDRESSES + type + body, set), plain(ADDRESSES + type + want));
  assert.equal(
    after(`${ADDRESSES}0806${body.replace("0001", "0006")}`, set),
    plain(`${ADDRESSES}0806${want.replace("0001", "0006")}`),
  );
  ignores(`${ADDRESSES}0806${body.slice(0, -2)}`, set);
  refuses(`${ADDRESSES}0800${body}`, set);
});

test("the first link-layer option of a neighbour message is set, and no other", () => {
  const set: OdpAction = {
    type: "setNd",
    value: { target: 0n, sll: 0x0a0a0a0a0a0an, tll: 0x0b0b0b0b0b0bn },
    mask: { target: 0n, sll: 0xffffffffffffn, tll: 0xffffffffffffn },
  };
  const message = (options: string) => {
    const length = (24 + plain(options).length / 2).toString(16).padStart(4, "0");
    return `${ipv6(length, "3a", "ff")} 8700 0000 00000000 ${TARGET} ${options}`;
  };
  const options = (text: string) => after(message(text), set).slice((14 + 40 + 24) * 2);
  assert.equal(options("0101 020000000001"), "01010a0a0a0a0a0a");
  assert.equal(options("0201 020000000001"), "02010b0b0b0b0b0b");
  assert.equal(
    options("0e01 000000000000 0201 020000000001 0101 020000000002"),
    "0e0100000000000002010b0b0b0b0b0b0101020000000002",
  );
  for (const none of [
    "",
    "0100 020000000001",
    "0102 020000000001 0000000000000000",
    "0101 0200000000",
    "0e02 020000000001 0101 020000000001",
  ]) {
    assert.equal(options(none), plain(none));
  }
});

test("neighbour extensions set the reserved word and an option that is there, and right the checksum", () => {
  const set: OdpAction = {
    type: "setNdExtensions",
    value: { reserved: 0x60000000, optionsType: 2 },
    mask: { reserved: 0xffffffff, optionsType: 0xff },
  };
  const without = after(`${ipv6("0018", "3a", "ff")} 8800 0bad 00000000 ${TARGET}`, set).slice(54 * 2);
  assert.match(without, new RegExp(`^8800....60000000${TARGET}$`));
  const message = `${ipv6("0020", "3a", "ff")} 8800 0bad 00000000 ${TARGET} 0101020000000001`;
  const bytes = Buffer.from(after(message, set), "hex");
  assert.match(bytes.subarray(54).toString("hex"), new RegExp(`^8800....60000000${TARGET}0201020000000001$`));
  const covered = Buffer.concat([bytes.subarray(22, 54), Buffer.from([0, 32, 0, 58]), bytes.subarray(54)]);
  let sum = 0;
  for (let i = 0; i < covered.length; i += 2) sum += covered.readUInt16BE(i);
  assert.equal(sum % 0xffff, 0, "a checksum that was wrong is right now");
});
