// The laboratory that the tests of real interfaces stand on: what it makes is there, its tools see what the
// kernel did, and nothing is left behind however a test ends.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { after, test } from "node:test";
import { projectFile } from "../../src/project.ts";
import { eventually } from "../support/eventually.ts";
import { FrameEnd } from "../support/frame-end.ts";
import { NEED_ETHTOOL, NEED_IP, NEED_IPERF3, NEED_PING, NEED_TCPDUMP, needs } from "../support/needs.ts";
import { NetLab } from "../support/netns.ts";
import { Capture, iperf3, ping } from "../support/netns-tools.ts";

const skip = needs("root", NEED_IP, NEED_ETHTOOL, NEED_PING, NEED_TCPDUMP, NEED_IPERF3);
const lab = skip === false ? new NetLab() : undefined;
after(() => lab?.remove());

function pair(label: string): { left: string; right: string } {
  assert.ok(lab);
  const [left, right] = [lab.add(`${label}l`), lab.add(`${label}r`)];
  lab.veth(
    { netns: left, name: "eth0", addresses: ["10.1.0.1/24", "fd00:1::1/64"], mac: "02:00:00:00:00:01" },
    { netns: right, name: "eth0", addresses: ["10.1.0.2/24", "fd00:1::2/64"], mac: "02:00:00:00:00:02" },
    { queues: 2, mtu: 4000 },
  );
  return { left, right };
}

/** Ended, be it that nobody has collected its status. */
function isOver(pid: string): boolean {
  const state = `/proc/${pid}/stat`;
  return !existsSync(state) || readFileSync(state, "utf8").includes(") Z ");
}

test("a pair has the queues, size, addresses and offloads that were asked for", { skip }, () => {
  assert.ok(lab);
  const { left } = pair("q");
  lab.offloads(left, "eth0", { tx: false });
  lab.vlan(left, "eth0", 7, "10.7.0.1/24");
  assert.match(lab.ip(left, "-d", "link", "show", "eth0"), /mtu 4000.*02:00:00:00:00:01.*numrxqueues 2/s);
  assert.match(lab.ip(left, "address", "show", "eth0"), /10\.1\.0\.1\/24.*fd00:1::1\/64/s);
  assert.match(lab.run(left, "ethtool", "-k", "eth0"), /tx-checksumming: off/);
  assert.match(lab.ip(left, "address", "show", "eth0.7"), /UP.*10\.7\.0\.1\/24/s);
});

test("ping counts answers over IPv4, IPv6 and VLAN, and the lack of them", { skip }, async () => {
  assert.ok(lab);
  const { left, right } = pair("p");
  lab.vlan(left, "eth0", 9, "10.9.0.1/24");
  lab.vlan(right, "eth0", 9, "10.9.0.2/24");
  for (const address of ["10.1.0.2", "fd00:1::2", "10.9.0.2"]) {
    const { sent, received, meanMs } = await ping(lab, left, address, { count: 3 });
    assert.deepEqual([sent, received], [3, 3], address);
    assert.ok(meanMs > 0, `${meanMs}`);
  }
  const silent = await ping(lab, left, "10.1.0.99", { count: 1, patience: 0.2 });
  assert.deepEqual([silent.sent, silent.received], [1, 0]);
});

test("iperf3 moves bytes by TCP both ways, and by UDP", { skip }, async () => {
  assert.ok(lab);
  const { left, right } = pair("i");
  const ends = { server: right, client: left };
  for (const reverse of [false, true]) {
    const { bytes } = await iperf3(lab, { ...ends, address: "10.1.0.2", reverse });
    assert.ok(bytes > 4_000_000, `${bytes} bytes`);
  }
  const udp = await iperf3(lab, { ...ends, address: "fd00:1::2", bytes: 500_000, udp: "5M" });
  assert.ok(udp.bytes > 100_000, `${udp.bytes} bytes`);
});

test("frames arrive as they were sent, tags included, at a raw end and in a capture", { skip }, async () => {
  assert.ok(lab);
  const netns = lab.add("f");
  lab.veth({ netns, name: "a" }, { netns, name: "b" });
  const [from, to] = [new FrameEnd(netns, "a"), new FrameEnd(netns, "b")];
  const capture = await Capture.start(lab, netns, "b", "-Q", "in");
  const frames = Array.from({ length: 700 }, (_, i) => {
    const frame = Buffer.alloc(60 + (i % 1400), i & 0xff);
    frame.fill(0xff, 0, 6);
    frame.writeUInt16BE(i % 3 === 0 ? 0x8100 : 0x88b5, 12);
    return frame;
  });
  await from.send(frames);
  assert.deepEqual(await to.wait(frames.length), frames);
  assert.equal((await capture.wait(frames.length)).length, frames.length);
  assert.deepEqual(await capture.stop(), frames);
  assert.equal(lab.counters(netns, "b").rxPackets, frames.length);
  await from.send(frames.slice(0, 100));
  let counted = 0;
  await eventually("100 frames", () => {
    counted += to.count();
    return counted >= 100;
  });
  assert.deepEqual([counted, to.missed()], [100, 0]);
  from.close();
  to.close();
});

test("a test that is interrupted or killed leaves no namespace and no child", { skip }, async () => {
  const script = `
    const { NetLab } = await import(${JSON.stringify(projectFile("test/support/netns.ts"))});
    const lab = new NetLab();
    const child = lab.start(lab.add("z"), "sleep", "60");
    console.log(process.pid + " " + child.pid);
    setInterval(() => {}, 1000);`;
  const ours = (pid: string): string[] =>
    readdirSync("/var/run/netns").filter((name) => name.startsWith(`mf${pid}x`));
  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    const args = ["--import", "tsx", "--input-type=module", "-e", script];
    const child = spawn(process.execPath, args, {
      cwd: projectFile("."),
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(child, "exit");
    const [data] = (await once(child.stdout, "data")) as [Buffer];
    const [pid = "", sleeper = ""] = data.toString().trim().split(" ");
    assert.equal(ours(pid).length, 1);
    child.kill(signal);
    await exited;
    if (signal === "SIGKILL") {
      await new NetLab().remove();
      process.kill(Number(sleeper), "SIGKILL");
    } else {
      await eventually("the child has ended", () => isOver(sleeper));
    }
    assert.deepEqual(ours(pid), []);
  }
});
