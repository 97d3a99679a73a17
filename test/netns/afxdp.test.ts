// AF_XDP ports between namespaces: what people do with a switch (ping, TCP both ways, jumbo frames, VLANs), and
// every frame of a capture byte for byte. The other ends are the kernel's own stack.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CaptureReader } from "../../src/netdev/pcap/reader.ts";
import { projectFile } from "../../src/project.ts";
import { eventually } from "../support/eventually.ts";
import { FrameEnd } from "../support/frame-end.ts";
import { NEED_ETHTOOL, NEED_IP, NEED_IPERF3, NEED_PING, needs } from "../support/needs.ts";
import { type LabPair, NetLab } from "../support/netns.ts";
import { iperf3, ping } from "../support/netns-tools.ts";
import { RealSwitch } from "../support/real-switch.ts";

const skip = needs("root", NEED_IP, NEED_ETHTOOL, NEED_PING, NEED_IPERF3);

interface Site {
  readonly left: string;
  readonly right: string;
  readonly middle: string;
}

/** Two hosts (silent ones without addresses, so that nothing is sent by itself), each on a veth pair whose other end `p1` or `p2` is in the switch's namespace. */
function twoHosts(lab: NetLab, pair: LabPair & { readonly silent?: boolean } = {}): Site {
  const site = { left: lab.add("l"), right: lab.add("r"), middle: lab.add("m") };
  const end = (netns: string, addresses: readonly string[]) => ({
    netns,
    name: "eth0",
    addresses: pair.silent === true ? [] : addresses,
  });
  lab.veth(end(site.left, ["10.2.0.1/24", "fd02::1/64"]), { netns: site.middle, name: "p1" }, pair);
  lab.veth(end(site.right, ["10.2.0.2/24", "fd02::2/64"]), { netns: site.middle, name: "p2" }, pair);
  return site;
}

for (const mode of ["native", "generic"] as const) {
  test(`hosts on ${mode} ports ping and speak TCP both ways over IPv4 and IPv6`, { skip }, async () => {
    await using lab = new NetLab();
    await using real = new RealSwitch();
    const { left, right, middle } = twoHosts(lab);
    await real.add(1, { kind: "afxdp", dev: "p1", netns: middle, mode });
    await real.add(2, { kind: "afxdp", dev: "p2", netns: middle, mode });
    for (const address of ["10.2.0.2", "fd02::2"]) {
      const echoes = await ping(lab, left, address, { count: 10 });
      assert.equal(echoes.received, echoes.sent, echoes.text);
      for (const reverse of [false, true]) {
        const { bytes } = await iperf3(lab, { server: right, client: left, address, reverse });
        assert.ok(bytes > 4_000_000, `${address} ${reverse}: only ${bytes} bytes`);
      }
    }
    const completed = real.sw.realPorts().flatMap((port) => port.queues.map((q) => q.counters.completed));
    assert.ok(
      completed.every((n) => n > 100),
      `checksums were completed: ${completed}`,
    );
    const { received, forwarded, dropped, consumed } = await real.settled();
    assert.equal(received, forwarded + dropped + consumed);
  });
}

test("without checksum completion TCP does not come through, so the completion is what carries it", {
  skip,
}, async () => {
  await using lab = new NetLab();
  await using real = new RealSwitch();
  const { left, right, middle } = twoHosts(lab);
  await real.add(1, { kind: "afxdp", dev: "p1", netns: middle, csum: "off" });
  await real.add(2, { kind: "afxdp", dev: "p2", netns: middle, csum: "off" });
  const echoes = await ping(lab, left, "10.2.0.2");
  assert.equal(echoes.received, echoes.sent);
  await assert.rejects(
    iperf3(lab, { server: right, client: left, address: "10.2.0.2", patience: 5 }),
    /connect/,
  );
});

test("two PMDs share the queues of both ports, and packets cross between them", { skip }, async () => {
  await using lab = new NetLab();
  await using real = new RealSwitch({ pmds: 2 });
  const { left, right, middle } = twoHosts(lab, { queues: 2 });
  await real.add(1, { kind: "afxdp", dev: "p1", netns: middle, rxqAffinity: { 0: 0, 1: 1 } });
  // All of port 2 is PMD 1's: what PMD 0 receives has to be passed on.
  await real.add(2, { kind: "afxdp", dev: "p2", netns: middle, rxqAffinity: { 0: 1, 1: 1 } });
  for (const address of ["10.2.0.2", "fd02::2"]) {
    // So many that chance gives every queue some.
    const ends = { server: right, client: left, address };
    const { bytes } = await iperf3(lab, { ...ends, parallel: 24, bytes: 32_000_000 });
    assert.ok(bytes > 1_000_000, `only ${bytes} bytes`);
  }
  const perPmd = real.sw.stats().map((pmd) => pmd.counters.RX);
  assert.ok(
    perPmd.every((n) => n > 100),
    `both received: ${perPmd}`,
  );
  // Frames that crossed are home again.
  await real.settled();
  await real.sw.moveRxq(1 as never, 0, 1);
  const after = await ping(lab, left, "10.2.0.2", { count: 50 });
  assert.equal(after.received, after.sent, after.text);
  await real.sw.moveRxq(1 as never, 0, 0);
  await real.sw.moveRxq(2 as never, 0, 0);
  const again = await ping(lab, left, "10.2.0.2", { count: 50 });
  assert.equal(again.received, again.sent, again.text);
});

test("queues that crowd one PMD are spread by what they cost, and packets keep coming", {
  skip,
}, async () => {
  await using lab = new NetLab();
  await using real = new RealSwitch({ pmds: 2 });
  const { left, right, middle } = twoHosts(lab, { queues: 2 });
  for (const n of [1, 2]) {
    await real.add(n, { kind: "afxdp", dev: `p${n}`, netns: middle });
    for (const queue of [0, 1]) await real.sw.moveRxq(n as never, queue, 0);
  }
  const holders = (): number[] =>
    real.sw.realPorts().flatMap((port) => port.queues.map((queue) => queue.pmd));
  assert.deepEqual(holders(), [0, 0, 0, 0]);
  const ends = { server: right, client: left, address: "10.2.0.2" };
  const load = iperf3(lab, { ...ends, parallel: 4, bytes: 64_000_000 });
  await eventually("traffic", () => real.sw.portCounters(1 as never).rxPackets > 1000);
  const moved = await real.sw.rebalanceRxqs();
  assert.ok((await load).bytes > 1_000_000);
  assert.ok(moved > 0, `${moved} moved`);
  assert.ok(holders().includes(0) && holders().includes(1), `${holders()}`);
  const echoes = await ping(lab, left, "10.2.0.2", { count: 20 });
  assert.equal(echoes.received, echoes.sent, echoes.text);
});

test("jumbo frames are gathered and split again", { skip }, async () => {
  await using lab = new NetLab();
  await using real = new RealSwitch();
  const { left, right, middle } = twoHosts(lab, { mtu: 9000 });
  await real.add(1, { kind: "afxdp", dev: "p1", netns: middle });
  await real.add(2, { kind: "afxdp", dev: "p2", netns: middle });
  for (const size of [1750, 1751, 3600, 8972]) {
    const echoes = await ping(lab, left, "10.2.0.2", { count: 5, size, whole: true });
    assert.equal(echoes.received, echoes.sent, `${size}: ${echoes.text}`);
  }
  const { bytes } = await iperf3(lab, { server: right, client: left, address: "10.2.0.2" });
  assert.ok(bytes > 4_000_000, `only ${bytes} bytes`);
});

test("a VLAN trunk keeps its VLANs apart", { skip }, async () => {
  await using lab = new NetLab();
  await using real = new RealSwitch({
    flows: "dl_vlan=7,actions=NORMAL\ndl_vlan=8,actions=drop\nactions=NORMAL",
  });
  const { left, right, middle } = twoHosts(lab);
  await real.add(1, { kind: "afxdp", dev: "p1", netns: middle });
  await real.add(2, { kind: "afxdp", dev: "p2", netns: middle });
  for (const vid of [7, 8]) {
    lab.vlan(left, "eth0", vid, `10.${vid}.0.1/24`);
    lab.vlan(right, "eth0", vid, `10.${vid}.0.2/24`);
  }
  const seven = await ping(lab, left, "10.7.0.2");
  assert.equal(seven.received, seven.sent, seven.text);
  const eight = await ping(lab, left, "10.8.0.2", { count: 2, patience: 0.3 });
  assert.equal(eight.received, 0);
});

test("every frame of a capture comes out as it went in", { skip }, async () => {
  await using lab = new NetLab();
  await using real = new RealSwitch({ flows: "in_port=1,actions=2\nin_port=2,actions=1" });
  const { left, right, middle } = twoHosts(lab, { silent: true });
  await real.add(1, { kind: "afxdp", dev: "p1", netns: middle, csum: "off" });
  await real.add(2, { kind: "afxdp", dev: "p2", netns: middle, csum: "off" });
  const frames: Buffer[] = [];
  for (const name of ["edge.pcap", "trunk.pcap"]) {
    const reader = await CaptureReader.open(projectFile(`test/captures/${name}`));
    for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) {
      for (let packet = 0; packet < batch.count; packet++) frames.push(Buffer.from(batch.packet(packet)));
    }
    await reader.close();
  }
  assert.ok(frames.length > 50, `${frames.length} frames`);
  const [from, to] = [new FrameEnd(left, "eth0"), new FrameEnd(right, "eth0")];
  try {
    const seen = await from.sendThrough(to, frames);
    // The first packets of a connection wait for its megaflow, those of others pass them by: order is kept within one.
    const texts = (list: readonly Buffer[]): string[] => list.map((one) => one.toString("hex")).sort();
    assert.deepEqual(texts(seen), texts(frames));
  } finally {
    from.close();
    to.close();
  }
});

test("a million packets are counted in and out", { skip }, async () => {
  await using lab = new NetLab();
  await using real = new RealSwitch({ flows: "in_port=1,udp,actions=2" });
  const { left, right, middle } = twoHosts(lab, { silent: true });
  await real.add(1, { kind: "afxdp", dev: "p1", netns: middle });
  await real.add(2, { kind: "afxdp", dev: "p2", netns: middle });
  const [from, to] = [new FrameEnd(left, "eth0"), new FrameEnd(right, "eth0")];
  const frame = Buffer.from(
    `0200000000020200000000010800${"4500002e000000004011"}0000${"0a0200010a020002"}${"04d204d3001a0000"}${"00".repeat(18)}`,
    "hex",
  );
  const burst = Array.from({ length: 256 }, () => frame);
  let sent = 0;
  let arrived = 0;
  try {
    while (sent < 1_000_000) {
      await from.send(burst, 0);
      sent += burst.length;
      arrived += to.count();
      // The tester, the switch and the kernel may share a core: nobody is to be overrun here.
      const [port] = real.sw.realPorts();
      assert.ok(port);
      while (real.sw.portCounters(1 as never).rxPackets + lostInKernel(real, 0) < sent - 1024) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    const rx = (): number => real.sw.portCounters(1 as never).rxPackets;
    const tx = (): number => real.sw.portCounters(2 as never).txPackets;
    let missed = 0;
    await eventually(
      () => `${sent} sent, ${rx()} received, ${tx()} forwarded, ${arrived} arrived`,
      () => {
        arrived += to.count();
        missed += to.missed();
        return rx() + lostInKernel(real, 0) === sent && arrived + missed === tx();
      },
    );
    const { received, forwarded, dropped } = await real.settled();
    const [rxPackets, txPackets] = [rx(), tx()];
    assert.equal(
      rxPackets + lostInKernel(real, 0),
      sent,
      "each one was received or lost by the kernel's count",
    );
    assert.equal(received, forwarded + dropped);
    assert.equal(txPackets, forwarded);
    arrived += to.count();
    assert.equal(arrived + missed + to.missed(), txPackets, "what was sent arrived");
  } finally {
    from.close();
    to.close();
  }
});

/** Packets for which the kernel found no room in the rings of the i-th real port. */
function lostInKernel(real: RealSwitch, i: number): number {
  const port = real.sw.realPorts()[i];
  assert.ok(port);
  return port.queues.reduce((sum, { kernel }) => sum + (kernel.rxDropped ?? 0) + (kernel.rxRingFull ?? 0), 0);
}
