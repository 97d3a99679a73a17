// AF_XDP on real veth pairs: packets arrive in linear memory, leave from it, and move between interfaces as
// descriptors; sockets come and go on one packet memory, and jumbo frames take several descriptors.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { FrameEnd } from "../support/frame-end.ts";
import { NEED_IP, NEED_PING, needs } from "../support/needs.ts";
import { NetLab, sh } from "../support/netns.ts";
import { numberedFrame } from "../support/numbered-frame.ts";
import { Arena, addon, type Descriptor, Driver, untilFree } from "./xsk-driver.ts";

/** Offset of the destination port in an Ethernet frame with IPv4 without options and UDP. */
const UDP_DESTINATION = 36;
const skip = needs("root", NEED_IP, NEED_PING);
const spaces = new NetLab();
after(() => spaces.remove());

/** An interface of the switch's namespace with program and socket, and chunks to receive into. */
interface Port {
  readonly driver: Driver;
  readonly index: number;
  readonly program: { readonly map: number; readonly link: number };
}

function openPort(arena: Arena, netns: string, name: string, anchor: number, generic = false): Port {
  const { index } = addon.linkInfo({ netns, name });
  const driver = new Driver(arena, { netns, index, queue: 0, anchor });
  const program = addon.attachProgram({ netns, index, queues: 1, generic });
  addon.steerQueue({ map: program.map, queue: 0, socket: driver.xsk.fd });
  driver.fill(...Array.from({ length: 64 }, () => arena.chunk()));
  return { driver, index, program };
}

function closePort(port: Port): void {
  addon.closeFd(port.program.link);
  addon.closeFd(port.program.map);
  port.driver.close();
}

/** Host namespaces left and right, each on a veth pair into the switch's namespace. */
function threeNamespaces(label: string, mtu = 1500): { left: string; right: string; middle: string } {
  const [left, right, middle] = [spaces.add(`${label}l`), spaces.add(`${label}r`), spaces.add(`${label}m`)];
  spaces.veth({ netns: left, name: "eth0" }, { netns: middle, name: "p0" }, { mtu });
  spaces.veth({ netns: right, name: "eth0" }, { netns: middle, name: "p1" }, { mtu });
  return { left, right, middle };
}

for (const generic of [false, true]) {
  const mode = generic ? "generic" : "native";

  test(`in ${mode} mode frames are received into linear memory and forwarded by moving descriptors`, {
    skip,
  }, async () => {
    const { left, right, middle } = threeNamespaces(`f${mode[0]}`);
    const arena = new Arena();
    const anchor = addon.openAnchor(arena.bytes, arena.umem);
    const [from, to] = ["p0", "p1"].map((name) => openPort(arena, middle, name, anchor.fd, generic));
    assert.ok(from !== undefined && to !== undefined);
    assert.equal(from.driver.xsk.zeroCopy, false);
    const [sender, witness] = [new FrameEnd(left, "eth0"), new FrameEnd(right, "eth0")];
    const frames = Array.from({ length: 500 }, (_, i) => numberedFrame(i, 60 + ((i * 53) % 1455)));
    const inMemory: Buffer[] = [];
    const received: Buffer[] = [];
    for (let sent = 0; sent < frames.length; sent += 20) {
      assert.equal(sender.sendNow(frames.slice(sent, sent + 20)), 20);
      await eventually(`frames up to ${sent + 20}`, () => {
        const moved = from.driver.receive();
        inMemory.push(...moved.map((one) => arena.packet(one.address, one.length)));
        if (moved.length > 0) to.driver.send(...moved);
        const free = to.driver.completed();
        if (free.length > 0) from.driver.fill(...free.map((address) => address & ~2047));
        received.push(...witness.receive().map((one) => one.bytes));
        return received.length >= sent + 20;
      });
    }
    assert.deepEqual(inMemory, frames);
    assert.deepEqual(received, frames);
    const counters = addon.xskStatistics(from.driver.xsk.fd);
    assert.deepEqual([counters.rxDropped, counters.rxRingFull, counters.txInvalidDescriptors], [0, 0, 0]);
    for (const end of [sender, witness]) end.close();
    closePort(from);
    closePort(to);
    addon.closePort(anchor.fd);
  });
}

test("two namespaces ping each other through descriptors moved between their interfaces", {
  skip,
}, async () => {
  const { left, right, middle } = threeNamespaces("pi");
  sh("ip", "-n", left, "address", "add", "10.99.0.1/24", "dev", "eth0");
  sh("ip", "-n", right, "address", "add", "10.99.0.2/24", "dev", "eth0");
  const arena = new Arena();
  const anchor = addon.openAnchor(arena.bytes, arena.umem);
  const ports = ["p0", "p1"].map((name) => openPort(arena, middle, name, anchor.fd));
  for (const netns of [left, right]) spaces.set(netns, "net/ipv4/neigh/eth0/mcast_solicit", 60);
  // Asked for with a deadline, it sends on until 20 answers are there: each of the first 20 must have one.
  const ping = spawn("ip", [
    "netns",
    "exec",
    left,
    "ping",
    "-c",
    "20",
    "-i",
    "0.02",
    "-w",
    "60",
    "10.99.0.2",
  ]);
  let said = "";
  ping.stdout.on("data", (text) => {
    said += text;
  });
  let ended = false;
  ping.once("close", () => {
    ended = true;
  });
  await eventually("the end of ping", () => {
    ports.forEach((port, i) => {
      const other = ports[1 - i];
      const moved = port.driver.receive();
      if (moved.length > 0) other?.driver.send(...moved);
      const free = port.driver.completed();
      if (free.length > 0) other?.driver.fill(...free.map((address) => address & ~2047));
    });
    return ended;
  });
  const answered = new Set([...said.matchAll(/icmp_seq=(\d+) ttl=/g)].map((match) => Number(match[1])));
  for (let sequence = 1; sequence <= 20; sequence++) assert.ok(answered.has(sequence), said);
  ports.forEach(closePort);
  addon.closePort(anchor.fd);
});

test("a jumbo frame arrives and leaves as several descriptors of one packet", { skip }, async () => {
  const { left, right, middle } = threeNamespaces("ju", 9000);
  const arena = new Arena();
  const anchor = addon.openAnchor(arena.bytes, arena.umem);
  assert.equal(anchor.multiBuffer, true, "Linux 6.6 or later");
  const [from, to] = ["p0", "p1"].map((name) => openPort(arena, middle, name, anchor.fd));
  assert.ok(from !== undefined && to !== undefined);
  const [sender, witness] = [new FrameEnd(left, "eth0"), new FrameEnd(right, "eth0")];
  const jumbo = numberedFrame(7, 9000);
  assert.equal(sender.sendNow([jumbo, numberedFrame(8, 60)]), 2);
  const parts: Descriptor[] = [];
  await eventually("all parts", () => {
    parts.push(...from.driver.receive());
    return parts.filter((part) => !part.continued).length === 2;
  });
  assert.ok(parts.length > 5, `${parts.length} descriptors`);
  const lastOfFirst = parts.findIndex((part) => !part.continued);
  const gathered = Buffer.concat(
    parts.slice(0, lastOfFirst + 1).map((part) => arena.packet(part.address, part.length)),
  );
  assert.deepEqual(gathered, jumbo);
  to.driver.send(...parts);
  const seen: Buffer[] = [];
  await eventually("both frames at the other end", () => {
    seen.push(...witness.receive().map((one) => one.bytes));
    return seen.length === 2;
  });
  assert.deepEqual(seen, [jumbo, numberedFrame(8, 60)]);
  for (const end of [sender, witness]) end.close();
  closePort(from);
  closePort(to);
  addon.closePort(anchor.fd);
});

test("with a socket on each of two queues no connection is lost to the kernel", { skip }, async () => {
  const [left, middle] = [spaces.add("mql"), spaces.add("mqm")];
  spaces.veth({ netns: left, name: "eth0" }, { netns: middle, name: "p0" }, { queues: 2 });
  const arena = new Arena();
  const anchor = addon.openAnchor(arena.bytes, arena.umem);
  const { index, rxQueues } = addon.linkInfo({ netns: middle, name: "p0" });
  assert.equal(rxQueues, 2);
  const program = addon.attachProgram({ netns: middle, index, queues: rxQueues });
  const drivers = [0, 1].map((queue) => {
    const driver = new Driver(arena, { netns: middle, index, queue, anchor: anchor.fd });
    addon.steerQueue({ map: program.map, queue, socket: driver.xsk.fd });
    driver.fill(...Array.from({ length: 128 }, () => arena.chunk()));
    return driver;
  });
  sh("ip", "-n", left, "address", "add", "10.99.0.1/24", "dev", "eth0");
  sh("ip", "-n", left, "neighbour", "add", "10.99.0.2", "lladdr", "02:00:00:00:00:02", "dev", "eth0");
  const connections = "for i in {1001..1064}; do echo hello >/dev/udp/10.99.0.2/$i; done";
  sh("ip", "netns", "exec", left, "bash", "-c", connections);
  const ports: number[][] = [[], []];
  await eventually("64 packets on both queues together", () => {
    drivers.forEach((driver, queue) => {
      for (const one of driver.receive())
        ports[queue]?.push(arena.packet(one.address, one.length).readUInt16BE(UDP_DESTINATION));
    });
    return ports.flat().length === 64;
  });
  const expected = Array.from({ length: 64 }, (_, i) => 1001 + i);
  assert.deepEqual(ports.flat().sort(), expected);
  assert.ok(
    ports.every((some) => some.length > 0),
    `${ports.map((some) => some.length)} packets`,
  );
  for (const fd of [program.link, program.map]) addon.closeFd(fd);
  for (const driver of drivers) driver.close();
  addon.closePort(anchor.fd);
});

test("closing frees the queue, and its rings' place in memory is plain zeroes again", { skip }, async () => {
  const { middle } = threeNamespaces("td");
  const arena = new Arena();
  const anchor = addon.openAnchor(arena.bytes, arena.umem);
  for (let round = 0; round < 5; round++) {
    const port = await untilFree(() => openPort(arena, middle, "p0", anchor.fd));
    const { rx, fill } = port.driver.xsk;
    assert.notEqual(Atomics.load(arena.words, fill.producer >>> 2), 0);
    closePort(port);
    assert.equal(Atomics.load(arena.words, fill.producer >>> 2), 0);
    Atomics.store(arena.words, rx.entries >>> 2, 0xfeed);
    assert.equal(arena.words[rx.entries >>> 2], 0xfeed);
  }
  assert.doesNotMatch(sh("ip", "-n", middle, "link", "show", "p0"), /xdp/);
  addon.closePort(anchor.fd);
});

test("ports come and go on one packet memory, also when their interface is deleted", { skip }, async () => {
  const { left, middle } = threeNamespaces("cg");
  const arena = new Arena();
  const anchor = addon.openAnchor(arena.bytes, arena.umem);
  const doomed = openPort(arena, middle, "p0", anchor.fd);
  const kept = openPort(arena, middle, "p1", anchor.fd);
  sh("ip", "-n", middle, "link", "del", "p0");
  assert.deepEqual(doomed.driver.receive(), []);
  assert.notEqual(doomed.driver.send({ address: 0, length: 60, continued: false }), undefined);
  spaces.veth({ netns: left, name: "eth0" }, { netns: middle, name: "p0" });
  const again = openPort(arena, middle, "p0", anchor.fd);
  const sender = new FrameEnd(left, "eth0");
  sender.sendNow([numberedFrame(1, 64)]);
  let got: Descriptor[] = [];
  await eventually("a frame on the new interface", () => {
    got = again.driver.receive();
    return got.length > 0;
  });
  assert.deepEqual(arena.packet(got[0]?.address ?? 0, got[0]?.length ?? 0), numberedFrame(1, 64));
  sender.close();
  for (const port of [doomed, kept, again]) closePort(port);
  addon.closePort(anchor.fd);
});

test("a socket may register the packet memory for itself, beside the anchor's", { skip }, async () => {
  const { left, middle } = threeNamespaces("ow");
  const arena = new Arena();
  const anchor = addon.openAnchor(arena.bytes, arena.umem);
  const { index } = addon.linkInfo({ netns: middle, name: "p0" });
  const driver = new Driver(arena, { netns: middle, index, queue: 0, ...arena.umem, needWakeup: true });
  const program = addon.attachProgram({ netns: middle, index, queues: 1 });
  addon.steerQueue({ map: program.map, queue: 0, socket: driver.xsk.fd });
  driver.fill(arena.chunk());
  const sender = new FrameEnd(left, "eth0");
  sender.sendNow([numberedFrame(5, 100), numberedFrame(6, 100)]);
  const got: Descriptor[] = [];
  await eventually("the one frame that there is room for", () => {
    got.push(...driver.receive());
    return got.length > 0;
  });
  await eventually(
    "the other one counted",
    () =>
      addon.xskStatistics(driver.xsk.fd).rxFillRingEmpty > 0 ||
      addon.xskStatistics(driver.xsk.fd).rxDropped > 0,
  );
  assert.equal(got.length, 1);
  assert.deepEqual(arena.packet(got[0]?.address ?? 0, 100), numberedFrame(5, 100));
  sender.close();
  addon.closeFd(program.link);
  addon.closeFd(program.map);
  driver.close();
  addon.closePort(anchor.fd);
});
