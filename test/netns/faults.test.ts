// What goes wrong with real ports, and what is left standing: interfaces that vanish, threads and processes that
// die, rings that overflow, attachments that cannot be.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { projectFile } from "../../src/project.ts";
import { eventually, PATIENCE_MS } from "../support/eventually.ts";
import { FrameEnd } from "../support/frame-end.ts";
import { NEED_ETHTOOL, NEED_IP, NEED_PING, needs } from "../support/needs.ts";
import { NetLab } from "../support/netns.ts";
import { ping } from "../support/netns-tools.ts";
import { RealSwitch } from "../support/real-switch.ts";

const skip = needs("root", NEED_IP, NEED_ETHTOOL, NEED_PING);

/** Hosts h1, h2, ... on ports p1, p2, ... of a switch's namespace. */
function hosts(lab: NetLab, count: number): { readonly host: string[]; readonly middle: string } {
  const middle = lab.add("m");
  const host = Array.from({ length: count }, (_, i) => {
    const netns = lab.add(`h${i + 1}`);
    addHost(lab, netns, middle, i + 1);
    return netns;
  });
  return { host, middle };
}

function addHost(lab: NetLab, netns: string, middle: string, n: number): void {
  lab.veth({ netns, name: "eth0", addresses: [`10.3.0.${n}/24`] }, { netns: middle, name: `p${n}` });
}

async function reaches(lab: NetLab, netns: string, address: string): Promise<boolean> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    const { received } = await ping(lab, netns, address, { count: 1, patience: 0.2 });
    if (received > 0) return true;
  }
  return false;
}

test("an interface that is deleted takes its port down, and brings it back when it returns", {
  skip,
}, async () => {
  await using lab = new NetLab();
  await using real = new RealSwitch();
  const { host, middle } = hosts(lab, 3);
  const [first = "", , third = ""] = host;
  for (const n of [1, 2, 3]) await real.add(n, { kind: "afxdp", dev: `p${n}`, netns: middle });
  assert.ok(await reaches(lab, third, "10.3.0.1"));
  const others = ping(lab, first, "10.3.0.2", { count: 150, interval: 0.01 });
  const load = lab.start(third, "ping", "-q", "-i", "0.005", "10.3.0.1");
  const attached = (): boolean | undefined => real.sw.realPorts().find((port) => port.odp === 3)?.attached;
  const before = real.sw.portCounters(3 as never).rxPackets;
  await eventually("traffic", () => real.sw.portCounters(3 as never).rxPackets > before + 20);
  lab.ip(third, "link", "del", "eth0");
  await eventually("the port is detached", () => attached() === false);
  addHost(lab, third, middle, 3);
  assert.ok(await reaches(lab, third, "10.3.0.1"), real.log.join("\n"));
  await load.stop();
  const { sent, received, text } = await others;
  assert.equal(received, sent, `other ports lose nothing: ${text}`);
});

test("a link that goes down takes its port down, and up again with it", { skip }, async () => {
  await using lab = new NetLab();
  await using real = new RealSwitch();
  const { host, middle } = hosts(lab, 2);
  for (const n of [1, 2]) await real.add(n, { kind: "afxdp", dev: `p${n}`, netns: middle });
  assert.ok(await reaches(lab, host[0]!, "10.3.0.2"));
  const isUp = (): boolean | undefined => real.sw.realPorts().find((port) => port.odp === 2)?.up;
  const becomes = (up: boolean): Promise<void> =>
    eventually(
      () => `port 2 is ${up ? "up" : "down"}\n${real.log.join("\n")}`,
      () => isUp() === up,
    );
  lab.ip(host[1]!, "link", "set", "dev", "eth0", "down");
  await becomes(false);
  assert.equal((await ping(lab, host[0]!, "10.3.0.2", { count: 1, patience: 0.3 })).received, 0);
  lab.ip(host[1]!, "link", "set", "dev", "eth0", "up");
  await becomes(true);
  assert.ok(await reaches(lab, host[0]!, "10.3.0.2"), real.log.join("\n"));
});

test("a port that goes and comes back while others carry traffic costs them nothing", { skip }, async () => {
  await using lab = new NetLab();
  await using real = new RealSwitch();
  const { host, middle } = hosts(lab, 3);
  const [first = "", , third = ""] = host;
  for (const n of [1, 2, 3]) await real.add(n, { kind: "afxdp", dev: `p${n}`, netns: middle });
  const others = ping(lab, first, "10.3.0.2", { count: 200, interval: 0.01 });
  for (let round = 0; round < 4; round++) {
    assert.ok(await reaches(lab, third, "10.3.0.1"), `round ${round}`);
    await real.remove(3);
    await real.add(3, { kind: "afxdp", dev: "p3", netns: middle });
  }
  assert.ok(await reaches(lab, third, "10.3.0.1"));
  const { sent, received, text } = await others;
  assert.equal(received, sent, text);
  // Frames of queues that are closed come home: none is lost by opening and closing.
  for (const n of [1, 2, 3]) await real.remove(n);
  const free = (): number => real.sw.pmds[0]!.stats.freeFrames;
  const { frames } = real.sw.pmds[0]!.frames;
  await eventually(
    () => `${free()} of ${frames} frames are home`,
    () => free() === frames,
  );
});

test("a thread that dies is started anew, with its ports", { skip }, async () => {
  await using lab = new NetLab();
  await using real = new RealSwitch();
  const { host, middle } = hosts(lab, 2);
  for (const n of [1, 2]) await real.add(n, { kind: "afxdp", dev: `p${n}`, netns: middle });
  for (let death = 1; death <= 2; death++) {
    assert.ok(await reaches(lab, host[0]!, "10.3.0.2"));
    await real.sw.threads[0]?.terminate();
    assert.ok(await reaches(lab, host[0]!, "10.3.0.2"), real.log.join("\n"));
    assert.equal(real.sw.restarts, death);
  }
});

test("kill -9 leaves the interface with the kernel, and a new switch attaches at once", {
  skip,
}, async (t) => {
  await using lab = new NetLab();
  const { host, middle } = hosts(lab, 2);
  const file = switchFile(t, middle);
  const attached = (): boolean => /xdp/.test(lab.ip(middle, "link", "show", "dev", "p1"));
  const child = lab.start(undefined, process.execPath, "--import", "tsx", main, "run", file);
  assert.ok(await reaches(lab, host[0]!, "10.3.0.2"), child.stderr);
  assert.ok(attached());
  child.kill("SIGKILL");
  await child.ended;
  // The kernel takes the program off behind the process's end.
  await eventually("the program is gone", () => !attached());
  await using real = new RealSwitch();
  for (const n of [1, 2]) await real.add(n, { kind: "afxdp", dev: `p${n}`, netns: middle });
  assert.ok(await reaches(lab, host[0]!, "10.3.0.2"));
});

test("SIGTERM gives the interfaces back and prints the account", { skip }, async (t) => {
  await using lab = new NetLab();
  const { host, middle } = hosts(lab, 2);
  const child = lab.start(undefined, process.execPath, "--import", "tsx", main, "run", switchFile(t, middle));
  assert.ok(await reaches(lab, host[0]!, "10.3.0.2"), child.stderr);
  child.kill("SIGTERM");
  assert.equal(await child.ended, 0, child.stderr);
  assert.doesNotMatch(lab.ip(middle, "link", "show", "dev", "p1"), /xdp/);
  assert.match(child.stdout, /every packet is accounted for/);
});

test("rings that overflow lose packets under a name, and all are accounted for", { skip }, async () => {
  await using lab = new NetLab();
  await using real = new RealSwitch({ flows: "in_port=1,actions=2,2,2,2,2,2,2,2" });
  const { left, right, middle } = { left: lab.add("l"), right: lab.add("r"), middle: lab.add("m") };
  lab.veth({ netns: left, name: "eth0" }, { netns: middle, name: "p1" });
  lab.veth({ netns: right, name: "eth0" }, { netns: middle, name: "p2" });
  await real.add(1, { kind: "afxdp", dev: "p1", netns: middle, ringSize: 64 });
  await real.add(2, { kind: "afxdp", dev: "p2", netns: middle, ringSize: 64 });
  const from = new FrameEnd(left, "eth0");
  const frame = Buffer.from(`0200000000020200000000018888${"00".repeat(46)}`, "hex");
  const burst = Array.from({ length: 512 }, () => frame);
  let sent = 0;
  try {
    for (let round = 0; round < 60; round++) sent += from.sendNow(burst);
  } finally {
    from.close();
  }
  const lost = (): number =>
    real.sw
      .realPorts()[0]!
      .queues.reduce((sum, q) => sum + (q.kernel.rxDropped ?? 0) + (q.kernel.rxRingFull ?? 0), 0);
  const taken = (): number => real.sw.portCounters(1 as never).rxPackets + lost();
  await eventually(
    () => `${sent} sent, ${taken()} received or lost by count`,
    () => taken() === sent,
  );
  const { received, forwarded, dropped } = await real.settled();
  const kernel = lost();
  const counters = real.sw.portCounters(2 as never);
  assert.equal(received, forwarded + dropped);
  assert.equal(received + kernel, sent, "the kernel counts what found no room");
  assert.ok(counters.txDrops > 0, "the small ring was too small");
  const { upcallsLost } = real.sw.portCounters(1 as never);
  assert.equal(counters.txPackets + counters.txDrops, (received - upcallsLost) * 8);
});

test("what cannot be attached says why, and changes nothing", { skip }, async () => {
  await using lab = new NetLab();
  await using real = new RealSwitch();
  const { middle } = hosts(lab, 2);
  const free = real.sw.memory.allocated;
  const refused = (config: object, reason: RegExp): Promise<void> =>
    assert.rejects(real.add(1, { kind: "afxdp", dev: "p1", netns: middle, ...config }), reason);
  await refused({ mode: "native-with-zerocopy" }, /cannot do zero-copy: use mode native or best-effort/);
  await refused({ queues: 3 }, /p1 has 1 receive queues, not 3/);
  await refused({ dev: "p9" }, /`ip link show p9` must find the interface/);
  await refused({ netns: "no-such-netns" }, /no-such-netns/);
  await refused({ dev: "lo" }, /loopback/);
  lab.ip(middle, "address", "add", "10.3.0.200/24", "dev", "p1");
  lab.ip(middle, "route", "add", "default", "via", "10.3.0.1");
  await refused({}, /carries the default route.*force: true/s);
  assert.equal(real.sw.bridge.ports.size, 0);
  await real.add(1, { kind: "afxdp", dev: "p1", netns: middle, force: true });
  await assert.rejects(
    real.add(2, { kind: "afxdp", dev: "p1", netns: middle, force: true }),
    /p1 is on port 1 already/,
  );
  await real.remove(1);
  assert.ok(real.sw.memory.allocated - free <= 4 << 20, "memory is given back");
});

test("without the capabilities the message names them", { skip }, async (t) => {
  await using lab = new NetLab();
  const { middle } = hosts(lab, 2);
  const words = ["--bounding-set=-all", "--inh-caps=-all", process.execPath, "--import", "tsx", main, "run"];
  const child = lab.start(middle, "setpriv", ...words, switchFile(t, undefined), "--for", "1s");
  assert.notEqual(await child.ended, 0);
  assert.match(child.stderr, /CAP_NET_RAW|CAP_NET_ADMIN|run as root/);
});

const main = projectFile("src/cli/main.ts");

/** A switch of two ports whose rule is NORMAL. */
function switchFile(t: TestContext, netns: string | undefined): string {
  const folder = mkdtempSync(join(tmpdir(), "megaflow-faults-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "switch.yaml");
  const port = (n: number): string =>
    `  - {number: ${n}, kind: afxdp, dev: p${n}${netns === undefined ? "" : `, netns: ${netns}`}}`;
  writeFileSync(file, `ports:\n${port(1)}\n${port(2)}\nflows: |\n  actions=NORMAL\n`);
  return file;
}
