// The pumps of TAP and AF_PACKET queues on real devices: what goes in at one side comes out at the other, byte
// for byte and in order, with checksums made good, and every frame comes back.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { QUEUE_UMEM_SIZE } from "../../assembly/layout/queue.ts";
import { eventually } from "../support/eventually.ts";
import { FrameEnd } from "../support/frame-end.ts";
import { NEED_IP, needs } from "../support/needs.ts";
import { NetLab, sh } from "../support/netns.ts";
import { numberedFrame } from "../support/numbered-frame.ts";
import { PumpDriver } from "./pump-driver.ts";
import { addon } from "./xsk-driver.ts";

const skip = needs("root", NEED_IP);
const spaces = new NetLab();
after(() => spaces.remove());

const EBADFD = 77;

/** A TAP device, up, with the driver of its queue. */
function tapDriver(netns: string, headerSize: number, mtu = 1500): PumpDriver {
  const tap = addon.openTap({ netns, name: "tap0", headerSize });
  addon.setLink({ netns, name: "tap0", up: true, mtu });
  return new PumpDriver({ tap: tap.fds[0] ?? -1, headerSize, packetMax: mtu + 22 });
}

/** Gives frames, pumps and takes what comes until there are `count`. */
async function receiveAll(driver: PumpDriver, count: number): Promise<Buffer[]> {
  const seen: Buffer[] = [];
  await eventually(`${count} frames through the pump`, () => {
    driver.fill(64);
    assert.ok(driver.pump() >= 0);
    seen.push(...driver.receive());
    return seen.length >= count;
  });
  return seen;
}

/** Sends frames through the pump as its rings allow, and takes the other end's. */
async function sendAll(
  driver: PumpDriver,
  frames: Buffer[],
  end: FrameEnd,
  piece?: number,
): Promise<Buffer[]> {
  const seen: Buffer[] = [];
  let given = 0;
  await eventually(`${frames.length} frames at the other end`, () => {
    given += driver.send(frames.slice(given), piece);
    assert.ok(driver.pump() >= 0);
    driver.complete();
    seen.push(...end.receive().map((one) => one.bytes));
    return seen.length >= frames.length;
  });
  return seen;
}

const sizes = (count: number, max: number): Buffer[] =>
  Array.from({ length: count }, (_, i) => numberedFrame(i, i === 0 ? max : 14 + ((i * 1237) % (max - 13))));

for (const headerSize of [0, 10, 12]) {
  test(`a TAP queue with a header of ${headerSize} bytes carries packets both ways`, { skip }, async () => {
    const netns = spaces.add(`u${headerSize}`);
    const driver = tapDriver(netns, headerSize);
    const end = new FrameEnd(netns, "tap0");
    const all = driver.frames;
    const frames = sizes(300, 1514);
    assert.deepEqual(await sendAll(driver, frames, end, 500), frames, "sent in pieces of 500 bytes");

    assert.equal(driver.pump(), 0, "nothing to move");
    const taken: Buffer[] = [];
    for (let sent = 0; sent < frames.length; ) {
      sent += end.sendNow(frames.slice(sent, sent + 50));
      taken.push(...(await receiveAll(driver, sent - taken.length)));
    }
    assert.deepEqual(taken, frames);
    assert.deepEqual([driver.frames, driver.rxDrops, driver.txDrops], [all, 0, 0]);
    end.close();
    driver.close();
  });
}

test("packets longer than a frame take several entries, both ways, on a TAP and on a packet socket", {
  skip,
}, async () => {
  const [netns, far] = [spaces.add("j"), spaces.add("jf")];
  spaces.veth({ netns, name: "l0" }, { netns: far, name: "r0" }, { mtu: 9000 });
  const drivers = [
    [tapDriver(netns, 10, 9000), new FrameEnd(netns, "tap0")],
    [new PumpDriver({ netns, name: "l0" }), new FrameEnd(far, "r0")],
  ] as const;
  const edges = [1791, 1792, 1793, 3583, 3584, 3585, 9014].map((length, i) => numberedFrame(i, length));
  for (const [driver, end] of drivers) {
    assert.deepEqual(await sendAll(driver, edges, end), edges);
    assert.equal(end.sendNow(edges), edges.length);
    assert.deepEqual(await receiveAll(driver, edges.length), edges);
    end.close();
    driver.close();
  }
});

test("a TAP device whose MTU grows loses one packet, and then there is room for the longest", {
  skip,
}, async () => {
  const netns = spaces.add("gr");
  const driver = tapDriver(netns, 10);
  const end = new FrameEnd(netns, "tap0");
  addon.setLink({ netns, name: "tap0", mtu: 9000 });
  const long = [1, 2, 3].map((number) => numberedFrame(number, 9014));
  driver.fill(64);
  end.sendNow(long.slice(0, 1));
  await eventually("the packet that was cut off", () => driver.pump() === 1);
  assert.deepEqual([driver.receive(), driver.rxDrops], [[], 1]);
  end.sendNow(long.slice(1));
  assert.deepEqual(await receiveAll(driver, 2), long.slice(1));
  end.close();
  driver.close();
});

test("a packet socket carries packets both ways, and a block that is worked off in parts", {
  skip,
}, async () => {
  const [netns, far] = [spaces.add("pn"), spaces.add("pf")];
  spaces.veth({ netns, name: "l0" }, { netns: far, name: "r0" });
  const driver = new PumpDriver({ netns, name: "l0" });
  const end = new FrameEnd(far, "r0");
  const all = driver.frames;
  const frames = sizes(600, 1514);
  assert.deepEqual(await sendAll(driver, frames, end, 700), frames);
  await end.send(frames, 0);
  const seen: Buffer[] = [];
  await eventually("600 frames, seven a call", () => {
    driver.fill(16);
    assert.ok(driver.pump(7) <= 7);
    seen.push(...driver.receive());
    return seen.length >= frames.length;
  });
  assert.deepEqual(seen, frames);
  assert.deepEqual([driver.frames, driver.rxDrops, driver.txDrops], [all, 0, 0]);
  end.close();
  driver.close();
});

test("with no empty frame, packets wait where they are and none is lost", { skip }, async () => {
  const [netns, far] = [spaces.add("wn"), spaces.add("wf")];
  spaces.veth({ netns, name: "l0" }, { netns: far, name: "r0" });
  const drivers = [
    [tapDriver(netns, 10), new FrameEnd(netns, "tap0")],
    [new PumpDriver({ netns, name: "l0" }), new FrameEnd(far, "r0")],
  ] as const;
  const frames = sizes(100, 1514);
  for (const [driver, end] of drivers) {
    await end.send(frames, 0);
    assert.deepEqual([driver.pump(), driver.receive()], [0, []]);
    assert.deepEqual(await receiveAll(driver, frames.length), frames);
    assert.equal(driver.rxDrops, 0);
    end.close();
    driver.close();
  }
});

test("a tag that the kernel took out is put back where it was", { skip }, async () => {
  const [netns, far] = [spaces.add("vn"), spaces.add("vf")];
  spaces.veth({ netns, name: "l0" }, { netns: far, name: "r0" });
  const tagged = [0x8100, 0x88a8].map((type, i) => {
    const frame = numberedFrame(i, 100);
    frame.writeUInt16BE(type, 12);
    frame.writeUInt16BE(0xa064 + i, 14);
    frame.writeUInt16BE(0x88b5, 16);
    return frame;
  });
  const driver = new PumpDriver({ netns, name: "l0" });
  const end = new FrameEnd(far, "r0");
  assert.equal(end.sendNow(tagged), 2);
  assert.deepEqual(await receiveAll(driver, 2), tagged);
  driver.send(tagged);
  assert.equal(driver.pump(), 2);
  end.close();
  driver.close();
});

test("a device that refuses packets costs only those, and one that is gone says so", { skip }, async () => {
  const [netns, far] = [spaces.add("en"), spaces.add("ef")];
  spaces.veth({ netns, name: "l0" }, { netns: far, name: "r0" });
  const tap = tapDriver(netns, 10);
  const packet = new PumpDriver({ netns, name: "l0" });
  for (const [driver, end] of [
    [tap, new FrameEnd(netns, "tap0")],
    [packet, new FrameEnd(far, "r0")],
  ] as const) {
    const good = [numberedFrame(1, 60), numberedFrame(2, 60)];
    driver.send([good[0]!, driver === tap ? Buffer.alloc(10) : numberedFrame(9, 1600), good[1]!]);
    assert.equal(driver.pump(), 3);
    assert.equal(driver.complete(), 3, "the refused one's frame comes back too");
    assert.equal(driver.txDrops, 1);
    const seen: Buffer[] = [];
    await eventually("the two good ones", () => {
      seen.push(...end.receive().map((one) => one.bytes));
      return seen.length === 2;
    });
    assert.deepEqual(seen, good);
    end.close();
  }
  sh("ip", "-n", netns, "link", "del", "tap0");
  assert.equal(tap.pump(), 0, "no packets, so no write that fails");
  tap.fill(8);
  assert.equal(tap.pump(), -EBADFD);
  sh("ip", "-n", netns, "link", "del", "l0");
  packet.send([numberedFrame(1, 60)]);
  packet.pump();
  assert.equal(packet.complete(), 1, "frames come back from a device that is gone");
  tap.close();
  packet.close();
});

test("a block that leads outside of memory is refused, and nothing is touched", { skip }, () => {
  const netns = spaces.add("b");
  const driver = tapDriver(netns, 10);
  driver.pushDescriptor(1 << 30, 60, false);
  assert.throws(() => driver.pump(), {
    name: "RangeError",
    message: /a packet to send is not in the packet memory/,
  });
  driver.setWord(QUEUE_UMEM_SIZE, 0xffffffff);
  assert.throws(() => driver.pump(), { name: "RangeError", message: /an address behind the memory/ });
  assert.throws(() => addon.pumpTap(driver.fd, driver.bytes, driver.bytes.length, 1), {
    name: "TypeError",
    message: /block: expected an integer from 0/,
  });
  driver.close();
});
