// AF_PACKET and TAP through linear memory, on real interfaces: what one side sends is what the other reads.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { eventually, PATIENCE_MS } from "../support/eventually.ts";
import { FrameEnd } from "../support/frame-end.ts";
import { NEED_IP, needs } from "../support/needs.ts";
import { NetLab, sh } from "../support/netns.ts";
import { numberedFrame } from "../support/numbered-frame.ts";
import { addon } from "./xsk-driver.ts";

const skip = needs("root", NEED_IP);
const spaces = new NetLab();
after(() => spaces.remove());

test("frames sent from linear memory arrive in the other end's ring, byte for byte and in order", {
  skip,
}, async () => {
  const [left, right] = [spaces.add("pl"), spaces.add("pr")];
  spaces.veth({ netns: left, name: "l0" }, { netns: right, name: "r0" });
  const [sender, witness] = [new FrameEnd(left, "l0"), new FrameEnd(right, "r0")];
  const frames = Array.from({ length: 200 }, (_, i) => numberedFrame(i, 60 + ((i * 37) % 1454)));
  let sent = 0;
  while (sent < frames.length) {
    const count = sender.sendNow(frames.slice(sent, sent + 50));
    assert.ok(count > 0, `sendFrames said ${count}`);
    sent += count;
  }
  const received: Buffer[] = [];
  await eventually("200 frames", () => {
    received.push(...witness.receive().map((one) => one.bytes));
    return received.length >= frames.length;
  });
  assert.deepEqual(received, frames);
  assert.deepEqual(addon.packetStatistics(witness.fd), { packets: 200, drops: 0 });
  assert.deepEqual(
    addon.packetStatistics(witness.fd),
    { packets: 0, drops: 0 },
    "counters start over when read",
  );
  assert.deepEqual(sender.receive(), [], "a socket does not hear what left through its interface");
  witness.close();
  assert.equal(witness.peek(), 0, "after closing, the ring's place is plain memory");
  sender.close();
  assert.throws(() => sender.close(), { code: "EBADF" });
});

test("a list that leaves linear memory is refused with EFAULT and sends nothing behind it", { skip }, () => {
  const [left, right] = [spaces.add("fl"), spaces.add("fr")];
  spaces.veth({ netns: left, name: "l0" }, { netns: right, name: "r0" });
  const index = addon.linkInfo({ netns: left, name: "l0" }).index;
  const bytes = new Uint8Array(new WebAssembly.Memory({ initial: 4, maximum: 4, shared: true }).buffer);
  const fd = addon.openPacketRing(bytes, {
    netns: left,
    index,
    block: 65536,
    blockSize: 4096,
    blockCount: 2,
  });
  new Uint32Array(bytes.buffer).set([bytes.length - 59, 60], 0);
  assert.equal(addon.sendFrames(fd, bytes, 0, 1), -14);
  assert.throws(
    () => addon.sendFrames(fd, bytes, bytes.length - 8, 2),
    /count: expected an integer from 0 to 1, got 2/,
  );
  addon.closePort(fd);
  const ring = { netns: left, index, blockSize: 4096, blockCount: 2 };
  assert.throws(() => addon.openPacketRing(bytes, { ...ring, block: bytes.length - 4096 }), RangeError);
  assert.throws(() => addon.openPacketRing(bytes, { ...ring, block: 65536, blockSize: 5000 }), {
    code: "EINVAL",
  });
  assert.throws(() => addon.openPacketRing(bytes, { ...ring, block: 65537 }), {
    code: "EINVAL",
    syscall: "mmap",
  });
  assert.throws(() => addon.openPacketRing(bytes, { ...ring, block: 65536, index: 9999 }), {
    code: "ENODEV",
  });
});

/** TAP frames go through `list` at 0; the packet behind it. */
function tapMemory(...lengths: number[]): Uint8Array {
  const bytes = new Uint8Array(new WebAssembly.Memory({ initial: 4, maximum: 4, shared: true }).buffer);
  const words = new Uint32Array(bytes.buffer);
  lengths.forEach((length, i) => {
    words.set([4096 * (i + 1), length], i * 2);
  });
  return bytes;
}

for (const headerSize of [0, 10, 12]) {
  test(`a TAP device with a header of ${headerSize} bytes carries frames both ways`, { skip }, async () => {
    const netns = spaces.add(`t${headerSize}`);
    const tap = addon.openTap({ netns, name: "tap%d", headerSize });
    assert.equal(tap.name, "tap0");
    assert.equal(tap.fds.length, 1);
    addon.setLink({ netns, name: "tap0", up: true, mtu: 1400 });
    const info = addon.linkInfo({ netns, name: "tap0" });
    assert.deepEqual([info.up, info.mtu, info.driver], [true, 1400, "tun"]);
    const [fd = -1] = tap.fds;
    const end = new FrameEnd(netns, "tap0");

    const bytes = tapMemory(headerSize + 100, headerSize + 60);
    const frames = [numberedFrame(1, 100), numberedFrame(2, 60)];
    frames.forEach((frame, i) => {
      bytes.set(frame, 4096 * (i + 1) + headerSize);
    });
    assert.equal(addon.writeFrames(fd, bytes, 0, 2), 2);
    const seen: Buffer[] = [];
    await eventually("two frames from the TAP device", () => {
      seen.push(...end.receive().map((one) => one.bytes));
      return seen.length >= 2;
    });
    assert.deepEqual(seen, frames);

    assert.equal(addon.readFrames(fd, tapMemory(2048), 0, 1), 0, "nothing to read yet");
    assert.equal(end.sendNow([numberedFrame(3, 80), numberedFrame(4, 1414)]), 2);
    const inbox = tapMemory(2048, 2048, 2048);
    assert.equal(addon.waitForEvents(Int32Array.of(fd), PATIENCE_MS), 1);
    assert.equal(addon.readFrames(fd, inbox, 0, 3), 2);
    const lengths = new Uint32Array(inbox.buffer, 0, 4);
    assert.deepEqual([lengths[1], lengths[3]], [headerSize + 80, headerSize + 1414]);
    const second = Buffer.from(inbox.slice(8192 + headerSize, 8192 + headerSize + 1414));
    assert.deepEqual(second, numberedFrame(4, 1414));
    end.close();
    for (const one of tap.fds) addon.closeFd(one);
    assert.throws(
      () => addon.linkInfo({ netns, name: "tap0" }),
      { code: "ENODEV" },
      "the device ended with its descriptor",
    );
  });
}

test("a TAP device has as many queues as asked for, and a device made otherwise is refused with the reason", {
  skip,
}, () => {
  const netns = spaces.add("mq");
  const tap = addon.openTap({ netns, name: "many", queues: 3, headerSize: 12 });
  assert.equal(tap.fds.length, 3);
  assert.equal(addon.linkInfo({ netns, name: "many" }).driver, "tun");
  assert.throws(() => addon.openTap({ netns, name: "many" }), { code: "EINVAL", message: /multi_queue/ });
  const fourth = addon.openTap({ netns, name: "many", multiQueue: true, headerSize: 12 });
  for (const fd of [...tap.fds, ...fourth.fds]) addon.closeFd(fd);

  sh("ip", "-n", netns, "tuntap", "add", "kept", "mode", "tap");
  const opened = addon.openTap({ netns, name: "kept" });
  assert.throws(() => addon.openTap({ netns, name: "kept" }), {
    code: "EBUSY",
    message: /another process holds it/,
  });
  for (const fd of opened.fds) addon.closeFd(fd);
  assert.equal(addon.linkInfo({ netns, name: "kept" }).up, false, "a persistent device stays");
});
