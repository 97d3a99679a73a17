// Namespaces on the switch over TAP and over AF_PACKET ports: all that a network carries, with the offloads that
// interfaces have when nobody touches them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { projectFile } from "../../src/project.ts";
import { eventually } from "../support/eventually.ts";
import { FrameEnd } from "../support/frame-end.ts";
import { NEED_ETHTOOL, NEED_IP, NEED_IPERF3, NEED_PING, needs } from "../support/needs.ts";
import { NetLab } from "../support/netns.ts";
import { type Iperf3Result, iperf3, ping } from "../support/netns-tools.ts";
import { numberedFrame } from "../support/numbered-frame.ts";
import { attach, RealSwitch } from "../support/real-switch.ts";

const skip = needs("root", NEED_IP, NEED_ETHTOOL, NEED_PING, NEED_IPERF3);

const kinds = ["tap", "afpacket"] as const;
const LEFT = ["10.2.0.1/24", "fd02::1/64"];
const RIGHT = ["10.2.0.2/24", "fd02::2/64"];
const RIGHT_ADDRESSES = ["10.2.0.2", "fd02::2"];
/** Bytes of a TCP transfer, and the shares of its segments that may be sent again: far above what full rings on a busy machine cause, far below a transfer of whose large packets none comes through. */
const TCP_BYTES = 16_000_000;
const RESENT_MAX = 0.3;
const FLOOD = 100_000;

interface Bed extends AsyncDisposable {
  readonly lab: NetLab;
  readonly real: RealSwitch;
  readonly left: string;
  readonly right: string;
}

interface BedOptions {
  readonly flows?: string;
  readonly pmds?: number;
  readonly queues?: number;
  readonly mtu?: number;
  /** No addresses: nothing is sent that the test does not send. */
  readonly silent?: boolean;
}

/** Two namespaces on ports 1 and 2. */
async function bed(
  kind: (typeof kinds)[number],
  { flows, pmds = 1, queues = 1, mtu = 1500, silent = false }: BedOptions = {},
): Promise<Bed> {
  const lab = new NetLab();
  const [left, right, host] = [lab.add("l"), lab.add("r"), lab.add("h")];
  const real = new RealSwitch({ pmds, ...(flows === undefined ? {} : { flows }) });
  const close = async (): Promise<void> => {
    await real[Symbol.asyncDispose]();
    await lab.remove();
  };
  try {
    await attach(lab, real, host, 1, { kind, netns: left, addresses: silent ? [] : LEFT, queues, mtu });
    await attach(lab, real, host, 2, { kind, netns: right, addresses: silent ? [] : RIGHT, queues, mtu });
  } catch (error) {
    await close();
    throw error;
  }
  return { lab, real, left, right, [Symbol.asyncDispose]: close };
}

/** The packets of a capture in test/captures. */
function captureFrames(name: string): Buffer[] {
  const bytes = readFileSync(projectFile(`test/captures/${name}`));
  assert.equal(bytes.readUInt32LE(0), 0xa1b2c3d4);
  const frames: Buffer[] = [];
  for (let at = 24; at < bytes.length; at += 16 + bytes.readUInt32LE(at + 8)) {
    frames.push(bytes.subarray(at + 16, at + 16 + bytes.readUInt32LE(at + 8)));
  }
  return frames;
}

/** A transfer went by large packets and their segments, not by what TCP sends again in small pieces. */
function assertFlows({ bytes, retransmits }: Iperf3Result, mtu: number, what: string): void {
  assert.ok(bytes > TCP_BYTES / 2, `${what}: ${bytes} bytes`);
  assert.ok(retransmits < RESENT_MAX * (TCP_BYTES / mtu), `${what}: ${retransmits} segments sent again`);
}

const sorted = (frames: readonly Buffer[]): string[] => frames.map((frame) => frame.toString("hex")).sort();

for (const kind of kinds) {
  test(`${kind}: pings and TCP both ways over IPv4 and IPv6, segments and checksums left to the card`, {
    skip,
  }, async () => {
    await using one = await bed(kind);
    const { lab, left, right } = one;
    for (const address of RIGHT_ADDRESSES) {
      const echo = await ping(lab, left, address, { count: 10 });
      assert.equal(echo.received, 10, echo.text);
      for (const reverse of [false, true]) {
        const tcp = await iperf3(lab, { server: right, client: left, address, reverse, bytes: TCP_BYTES });
        assertFlows(tcp, 1500, `${address} reverse=${reverse}`);
      }
    }
    const sum = await one.real.settled();
    assert.equal(sum.received, sum.forwarded + sum.dropped + sum.consumed);
  });

  for (const name of ["trunk.pcap", "edge.pcap"]) {
    test(`${kind}: every frame of ${name} arrives byte for byte, and in order once it is known`, {
      skip,
    }, async () => {
      await using one = await bed(kind, { flows: "in_port=1,actions=2", mtu: 9000, silent: true });
      const [sender, witness] = [new FrameEnd(one.left, "eth0"), new FrameEnd(one.right, "eth0")];
      const frames = captureFrames(name);
      assert.ok(frames.length > 500);
      // The first time, packets of different connections may overtake one that waits for the controller.
      assert.deepEqual(sorted(await sender.sendThrough(witness, frames)), sorted(frames));
      const seen = await sender.sendThrough(witness, frames);
      assert.equal(seen.length, frames.length);
      frames.forEach((frame, i) => {
        const [is, was] = [seen[i]!.toString("hex"), frame.toString("hex")];
        assert.ok(is === was, `frame ${i}: ${was} came as ${is}`);
      });
      const sum = await one.real.settled();
      assert.deepEqual([sum.received, sum.dropped], [2 * frames.length, 0]);
      for (const end of [sender, witness]) end.close();
    });
  }

  test(`${kind}: ${FLOOD} packets as fast as they go are all accounted for`, { skip }, async () => {
    await using one = await bed(kind, { flows: "in_port=1,actions=2", silent: true });
    const [sender, witness] = [new FrameEnd(one.left, "eth0"), new FrameEnd(one.right, "eth0")];
    const frames = Array.from({ length: 256 }, (_, i) => numberedFrame(i, 60));
    let [sent, seen] = [0, 0];
    while (sent < FLOOD) {
      sent += sender.sendNow(frames.slice(0, FLOOD - sent));
      seen += witness.count();
      await setImmediate();
    }
    const ringFull = (): number =>
      one.real.sw
        .realPorts()
        .flatMap((port) => port.queues)
        .reduce((sum, queue) => sum + (queue.kernel.rxRingFull ?? 0), 0);
    // The last ones are still in the device.
    const arrived = async (): Promise<number> => (await one.real.settled()).received + ringFull();
    await eventually("all are received or found no room", async () => (await arrived()) === FLOOD);
    const { received, forwarded, dropped } = await one.real.settled();
    assert.equal(received + ringFull(), FLOOD, "received, or no room in the ring");
    assert.equal(forwarded + dropped, received);
    let missed = 0;
    await eventually(
      () => `${seen} came and ${missed} found no room of ${forwarded} that the switch sent`,
      () => {
        seen += witness.count();
        missed += witness.missed();
        return seen + missed === forwarded;
      },
    );
    for (const end of [sender, witness]) end.close();
  });

  test(`${kind}: packets of 9,000 bytes go through whole`, { skip }, async () => {
    await using one = await bed(kind, { mtu: 9000 });
    const echo = await ping(one.lab, one.left, RIGHT_ADDRESSES[0]!, { size: 8972, whole: true });
    assert.equal(echo.received, echo.sent, echo.text);
    for (const reverse of [false, true]) {
      const tcp = await iperf3(one.lab, {
        server: one.right,
        client: one.left,
        address: RIGHT_ADDRESSES[0]!,
        reverse,
        bytes: TCP_BYTES,
      });
      assertFlows(tcp, 9000, `reverse=${reverse}`);
    }
  });

  test(`${kind}: two queues on two PMDs share the connections of a port`, { skip }, async () => {
    await using one = await bed(kind, { pmds: 2, queues: 2 });
    const tcp = await iperf3(one.lab, {
      server: one.right,
      client: one.left,
      address: RIGHT_ADDRESSES[0]!,
      // So many that chance gives every queue some.
      parallel: 24,
      bytes: 3 * TCP_BYTES,
    });
    assert.ok(tcp.bytes > TCP_BYTES / 4, `${tcp.bytes} bytes`);
    const queues = one.real.sw.realPorts().flatMap((port) => port.queues.map((queue) => queue.pmd));
    assert.deepEqual(queues.sort(), [0, 0, 1, 1]);
    for (const pmd of one.real.sw.stats())
      assert.ok(pmd.counters.RX > 100, `a PMD received ${pmd.counters.RX}`);
  });

  test(`${kind}: a trunk and two access ports`, { skip }, async () => {
    const flows = [
      "in_port=1,dl_vlan=10,actions=strip_vlan,2",
      "in_port=1,dl_vlan=20,actions=strip_vlan,3",
      "in_port=2,vlan_tci=0,actions=mod_vlan_vid:10,1",
      "in_port=3,vlan_tci=0,actions=mod_vlan_vid:20,1",
    ].join("\n");
    await using one = await bed(kind, { flows, silent: true });
    const third = one.lab.add("t");
    await attach(one.lab, one.real, one.lab.add("h3"), 3, {
      kind,
      netns: third,
      addresses: ["10.20.0.2/24"],
    });
    one.lab.address(one.right, "eth0", "10.10.0.2/24");
    one.lab.vlan(one.left, "eth0", 10, "10.10.0.1/24");
    one.lab.vlan(one.left, "eth0", 20, "10.20.0.1/24");
    for (const [netns, address] of [
      [one.left, "10.10.0.2"],
      [one.left, "10.20.0.2"],
      [third, "10.20.0.1"],
    ] as const) {
      const echo = await ping(one.lab, netns, address);
      assert.equal(echo.received, echo.sent, echo.text);
    }
    one.lab.ip(one.right, "route", "add", "10.20.0.0/24", "dev", "eth0");
    const lost = await ping(one.lab, one.right, "10.20.0.2", { count: 1, patience: 1 });
    assert.equal(lost.received, 0, "the VLANs are apart");
  });
}
