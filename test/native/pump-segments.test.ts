// Large packets that a sender left whole, through the pump of a packet socket: the segments that come out carry
// the same bytes in order, with headers and checksums as a network card would have made them.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { eventually, PATIENCE_MS } from "../support/eventually.ts";
import { NEED_IP, needs } from "../support/needs.ts";
import { NetLab } from "../support/netns.ts";
import { internetChecksum } from "../support/plain-checksums.ts";
import { PumpDriver } from "./pump-driver.ts";
import { addon } from "./xsk-driver.ts";

const skip = needs("root", NEED_IP);
const spaces = new NetLab();
after(() => spaces.remove());

const VIRTIO_HEADER = 10;
const NEEDS_CHECKSUM = 1;
const GSO = { tcp4: 1, tcp6: 4, udp: 5 } as const;
const FIN = 1;
const PSH = 8;
const ACK = 16;
const CWR = 128;

/** A large packet, what its header says, and what it is made of. */
interface Large {
  readonly kind: keyof typeof GSO;
  readonly tagged: boolean;
  readonly segment: number;
  readonly payload: Buffer;
}

/** Ethernet, a tag if any, IPv4 with an option or IPv6, and TCP with options or UDP; checksum = the pseudo-header's sum. */
function buildLarge({ kind, tagged, segment, payload }: Large): Buffer {
  const isTcp = kind !== "udp";
  const six = kind === "tcp6";
  const l4 = Buffer.alloc(isTcp ? 32 : 8);
  l4.writeUInt16BE(0x1234, 0);
  l4.writeUInt16BE(0x5678, 2);
  if (isTcp) {
    l4.writeUInt32BE(0xffff_ff00, 4);
    l4[12] = 8 << 4;
    l4[13] = FIN | PSH | ACK | CWR;
    l4.fill(1, 20);
  } else {
    l4.writeUInt16BE(8 + payload.length, 4);
  }
  const ip = six ? Buffer.alloc(40) : Buffer.alloc(24);
  const length = l4.length + payload.length;
  if (six) {
    ip[0] = 0x60;
    ip.writeUInt16BE(length, 4);
    ip.set([isTcp ? 6 : 17, 64, ...Array.from({ length: 32 }, (_, i) => 17 * i)], 6);
  } else {
    ip.set([0x46, 0, 0, 0, 0xff, 0xff, 0, 0, 64, isTcp ? 6 : 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 1, 1, 1, 0]);
    ip.writeUInt16BE(24 + length, 2);
    ip.writeUInt16BE(internetChecksum(ip), 10);
  }
  l4.writeUInt16BE(0xffff - internetChecksum(pseudoHeader(ip, length)), isTcp ? 16 : 6);
  const ether = Buffer.from(
    `020000000002020000000001${tagged ? "81002064" : ""}${six ? "86dd" : "0800"}`,
    "hex",
  );
  const header = Buffer.alloc(VIRTIO_HEADER);
  header[0] = NEEDS_CHECKSUM;
  header[1] = GSO[kind];
  const start = ether.length + ip.length;
  [start + l4.length, segment, start, isTcp ? 16 : 6].forEach((value, i) => {
    header.writeUInt16LE(value, 2 + i * 2);
  });
  return Buffer.concat([header, ether, ip, l4, payload]);
}

function pseudoHeader(ip: Buffer, length: number): Buffer {
  const addresses = ip[0]! >> 4 === 6 ? ip.subarray(8, 40) : ip.subarray(12, 20);
  const rest = Buffer.alloc(8);
  rest.writeUInt32BE(length, 0);
  rest[7] = ip[0]! >> 4 === 6 ? ip[6]! : ip[9]!;
  return Buffer.concat([addresses, rest]);
}

/** Checks a segment's headers against the large packet's; returns its payload. */
function checkSegment(bytes: Buffer, large: Large, index: number, last: boolean): Buffer {
  const l3 = large.tagged ? 18 : 14;
  const ip = bytes.subarray(l3, l3 + (large.kind === "tcp6" ? 40 : 24));
  const l4 = bytes.subarray(l3 + ip.length);
  if (large.tagged) assert.equal(bytes.toString("hex", 12, 16), "81002064");
  if (large.kind === "tcp6") {
    assert.equal(ip.readUInt16BE(4), l4.length);
  } else {
    assert.equal(ip.readUInt16BE(2), ip.length + l4.length);
    assert.equal(ip.readUInt16BE(4), (0xffff + index) & 0xffff, "identification counts on");
    assert.equal(internetChecksum(ip), 0, "IPv4 header checksum");
  }
  assert.equal(internetChecksum(Buffer.concat([pseudoHeader(ip, l4.length), l4])), 0, "transport checksum");
  if (large.kind === "udp") {
    assert.equal(l4.readUInt16BE(4), l4.length);
    return l4.subarray(8);
  }
  assert.equal(l4.readUInt32BE(4), (0xffff_ff00 + index * large.segment) >>> 0, "sequence number");
  const flags = ACK | (last ? FIN | PSH : 0) | (index === 0 ? CWR : 0);
  assert.equal(l4[13], flags, "FIN and PSH only at the end, CWR only at the start");
  assert.ok(
    l4.subarray(20, 32).every((byte) => byte === 1),
    "options are repeated",
  );
  return l4.subarray(32);
}

const payloadOf = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => (i * 7919) >> 3));

const cases: Large[] = (["tcp4", "tcp6", "udp"] as const).flatMap((kind) =>
  [false, true].flatMap((tagged) => [
    { kind, tagged, segment: 1400, payload: payloadOf(kind === "udp" ? 40_000 : 64_000) },
    { kind, tagged, segment: 1001, payload: payloadOf(4 * 1001) },
    { kind, tagged, segment: 1200, payload: payloadOf(1201) },
  ]),
);

test("a large packet leaves the pump as the segments that a card would have sent", { skip }, async () => {
  const [netns, far] = [spaces.add("sn"), spaces.add("sf")];
  spaces.veth({ netns, name: "l0" }, { netns: far, name: "r0" });
  const driver = new PumpDriver({ netns, name: "l0" });
  const sender = new LargeSender(far, "r0");
  for (const large of cases) {
    sender.send(buildLarge(large));
    const segments: Buffer[] = [];
    const count = Math.ceil(large.payload.length / large.segment);
    await eventually(`${count} segments of ${large.kind}`, () => {
      driver.fill(128);
      assert.ok(driver.pump() >= 0);
      segments.push(...driver.receive());
      return segments.length >= count;
    });
    const payload = segments.map((one, i) => checkSegment(one, large, i, i + 1 === count));
    assert.deepEqual(Buffer.concat(payload), large.payload);
  }
  assert.equal(driver.rxDrops, 0);
  sender.close();
  driver.close();
});

test("a checksum that the sender left out is made good, also of a packet in several frames", {
  skip,
}, async () => {
  const [netns, far] = [spaces.add("cn"), spaces.add("cf")];
  spaces.veth({ netns, name: "l0" }, { netns: far, name: "r0" }, { mtu: 9000 });
  const tap = addon.openTap({ netns, name: "tap0", headerSize: 10 });
  addon.setLink({ netns, name: "tap0", up: true, mtu: 9000 });
  const ends = [
    [new PumpDriver({ netns, name: "l0" }), new LargeSender(far, "r0")],
    [
      new PumpDriver({ tap: tap.fds[0] ?? -1, headerSize: 10, packetMax: 9216 }),
      new LargeSender(netns, "tap0"),
    ],
  ] as const;
  for (const [driver, sender] of ends) {
    for (const length of [0, 1, 100, 1717, 1735, 1736, 1737, 5001, 8900]) {
      for (const kind of ["tcp4", "tcp6", "udp"] as const) {
        const large: Large = { kind, tagged: false, segment: 0, payload: payloadOf(length) };
        const packet = buildLarge(large);
        packet[1] = 0;
        sender.send(packet);
        const seen: Buffer[] = [];
        await eventually("the packet", () => {
          driver.fill(16);
          assert.equal(driver.pump() >= 0, true);
          seen.push(...driver.receive());
          return seen.length > 0;
        });
        const [bytes = Buffer.alloc(0)] = seen;
        const l3 = bytes.subarray(14);
        const l4 = l3.subarray(kind === "tcp6" ? 40 : 24);
        const sum = internetChecksum(Buffer.concat([pseudoHeader(l3.subarray(0, 40), l4.length), l4]));
        assert.equal(sum, 0, `${kind} with ${length} bytes`);
        assert.ok(bytes.subarray(bytes.length - length).equals(large.payload), "nothing else has changed");
      }
    }
    assert.equal(driver.rxDrops, 0);
    sender.close();
    driver.close();
  }
});

test("a large packet waits for room for all its segments, and one that never fits is dropped by count", {
  skip,
}, async () => {
  const [netns, far] = [spaces.add("rn"), spaces.add("rf")];
  spaces.veth({ netns, name: "l0" }, { netns: far, name: "r0" });
  const [wide, narrow] = [new PumpDriver({ netns, name: "l0" }), new PumpDriver({ netns, name: "l0" }, 16)];
  const sender = new LargeSender(far, "r0");
  const large: Large = { kind: "tcp4", tagged: false, segment: 1000, payload: payloadOf(20_000) };
  sender.send(buildLarge(large));
  narrow.fill(16);
  await eventually("the packet in the ring", () => narrow.pump() === 1);
  assert.deepEqual([narrow.rxDrops, narrow.receive().length], [1, 0], "20 segments and 16 entries");
  assert.equal(addon.waitForEvents(Int32Array.of(wide.fd), PATIENCE_MS), 1, "the packet is there");
  wide.fill(19);
  assert.equal(wide.pump(), 0, "19 frames are too few");
  wide.fill(20);
  assert.equal(wide.pump(), 1);
  assert.equal(wide.receive().length, 20);
  assert.equal(wide.rxDrops, 0);
  for (const one of [wide, narrow]) one.close();
  sender.close();
});

/** A packet socket whose packets have a virtio_net_hdr of their own. */
class LargeSender {
  readonly #bytes = new Uint8Array(new WebAssembly.Memory({ initial: 4, maximum: 4, shared: true }).buffer);
  readonly #fd: number;

  constructor(netns: string, name: string) {
    const { index } = addon.linkInfo({ netns, name });
    const ring = { block: 65536, blockSize: 65536, blockCount: 1, header: true };
    this.#fd = addon.openPacketRing(this.#bytes, { netns, index, ...ring });
  }

  send(packet: Buffer): void {
    this.#bytes.set(packet, 131072);
    new Uint32Array(this.#bytes.buffer).set([131072, packet.length]);
    assert.equal(addon.sendFrames(this.#fd, this.#bytes, 0, 1), 1);
  }

  close(): void {
    addon.closePort(this.#fd);
  }
}
