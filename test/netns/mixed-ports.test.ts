// Ports of all kinds on one switch, ports that come and go, and the host's own one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { NEED_ETHTOOL, NEED_IP, NEED_IPERF3, NEED_PING, needs } from "../support/needs.ts";
import { NetLab } from "../support/netns.ts";
import { iperf3, ping } from "../support/netns-tools.ts";
import { attach, RealSwitch } from "../support/real-switch.ts";

const skip = needs("root", NEED_IP, NEED_ETHTOOL, NEED_PING, NEED_IPERF3);

const LOCAL = 0xfffffffe;
const kinds = ["afxdp", "afpacket", "tap"] as const;

test("namespaces on afxdp, afpacket and tap ports of one switch reach each other by ping and TCP", {
  skip,
}, async () => {
  await using lab = new NetLab();
  await using real = new RealSwitch();
  const host = lab.add("h");
  const spaces = kinds.map((kind) => lab.add(kind));
  for (const [i, kind] of kinds.entries()) {
    const addresses = [`10.3.0.${i + 1}/24`, `fd03::${i + 1}/64`];
    await attach(lab, real, host, i + 1, { kind, netns: spaces[i]!, addresses });
  }
  for (const [from, client] of spaces.entries()) {
    for (const [to, server] of spaces.entries()) {
      if (from === to) continue;
      const what = `${kinds[from]} to ${kinds[to]}`;
      const echo = await ping(lab, client, `fd03::${to + 1}`);
      assert.equal(echo.received, echo.sent, `${what}: ${echo.text}`);
      const tcp = await iperf3(lab, { server, client, address: `10.3.0.${to + 1}` });
      assert.ok(tcp.bytes > 4_000_000, `${what}: only ${tcp.bytes} bytes`);
    }
  }
});

test("the host is on the switch by an internal port with the bridge's name", { skip }, async () => {
  await using lab = new NetLab();
  await using real = new RealSwitch();
  const [host, far] = [lab.add("host"), lab.add("far")];
  await real.add(LOCAL, { kind: "internal", netns: host });
  lab.address(host, "br0", "10.4.0.1/24");
  await attach(lab, real, host, 1, { kind: "tap", netns: far, addresses: ["10.4.0.2/24"] });
  const echo = await ping(lab, far, "10.4.0.1");
  assert.equal(echo.received, echo.sent, echo.text);
  const tcp = await iperf3(lab, { server: host, client: far, address: "10.4.0.1" });
  assert.ok(tcp.bytes > 4_000_000, `only ${tcp.bytes} bytes`);
  await real.remove(LOCAL);
  assert.doesNotMatch(lab.ip(host, "link"), /br0/, "it goes with its port");
});

for (const kind of ["afpacket", "tap"] as const) {
  test(`${kind}: a port that comes and goes costs the others nothing, and comes back`, { skip }, async () => {
    await using lab = new NetLab();
    await using real = new RealSwitch();
    const host = lab.add("h");
    const [left, right] = [lab.add("l"), lab.add("r")];
    await attach(lab, real, host, 1, { kind, netns: left, addresses: ["10.5.0.1/24"] });
    await attach(lab, real, host, 2, { kind, netns: right, addresses: ["10.5.0.2/24"] });
    await ping(lab, left, "10.5.0.2");
    const steady = ping(lab, left, "10.5.0.2", { count: 150 });
    for (let round = 0; round < 3; round++) {
      const guest = lab.add(`g${round}`);
      await attach(lab, real, lab.add(`gh${round}`), 3, { kind, netns: guest, addresses: ["10.5.0.3/24"] });
      const before = real.sw.portCounters(3 as never).rxPackets;
      const echo = await ping(lab, guest, "10.5.0.1", { count: 3 });
      assert.equal(echo.received, 3, echo.text);
      assert.ok(before < 4, `${before} packets at once: those of the port that had its number`);
      await real.remove(3);
      const gone = await ping(lab, left, "10.5.0.3", { count: 1, patience: 1 });
      assert.equal(gone.received, 0, gone.text);
    }
    const { sent, received, text } = await steady;
    assert.equal(received, sent, text);
  });
}

for (const kind of ["afpacket", "tap"] as const) {
  test(`${kind}: a device deleted under load is missed, and taken again when it is back`, {
    skip,
  }, async () => {
    await using lab = new NetLab();
    await using real = new RealSwitch();
    const host = lab.add("h");
    const [left, right] = [lab.add("l"), lab.add("r")];
    await attach(lab, real, host, 1, { kind, netns: left, addresses: ["10.8.0.1/24"] });
    await attach(lab, real, host, 2, { kind, netns: right, addresses: ["10.8.0.2/24"] });
    await ping(lab, left, "10.8.0.2");
    const load = iperf3(lab, { server: right, client: left, address: "10.8.0.2", udp: "20M", seconds: 3 });
    const over = load.catch(() => "the connection went with the device");
    await eventually("the load", () => real.sw.portCounters(1 as never).rxPackets > 500);
    lab.ip(right, "link", "del", "eth0");
    await eventually("it is missed", () => real.sw.realPorts().some((port) => !port.attached));
    if (kind === "tap") lab.ip(right, "tuntap", "add", "dev", "eth0", "mode", "tap");
    else lab.veth({ netns: right, name: "eth0" }, { netns: host, name: "v2" });
    await eventually("it is back", () => real.sw.realPorts().every((port) => port.attached && port.up));
    lab.address(right, "eth0", "10.8.0.2/24");
    const echo = await ping(lab, right, "10.8.0.1");
    assert.equal(echo.received, echo.sent, echo.text);
    await over;
    const sum = await real.settled();
    assert.equal(sum.received, sum.forwarded + sum.dropped + sum.consumed);
  });
}

for (const kind of ["afpacket", "tap"] as const) {
  test(`${kind}: a port carries what its interface's MTU allows when that changes`, { skip }, async () => {
    await using lab = new NetLab();
    await using real = new RealSwitch();
    const host = lab.add("h");
    const guests = [lab.add("l"), lab.add("r")];
    for (const [i, netns] of guests.entries()) {
      await attach(lab, real, host, i + 1, { kind, netns, addresses: [`10.9.0.${i + 1}/24`] });
    }
    const setMtu = async (mtu: number) => {
      const before = real.log.length;
      for (const [i, netns] of guests.entries()) {
        lab.ip(netns, "link", "set", "eth0", "mtu", `${mtu}`);
        if (kind === "afpacket") lab.ip(host, "link", "set", `v${i + 1}`, "mtu", `${mtu}`);
      }
      const heard = () => real.log.slice(before).filter((line) => line.endsWith(`MTU ${mtu}`)).length;
      await eventually(`ports of MTU ${mtu}`, () => heard() === 2);
    };
    const passes = (size: number) => ping(lab, guests[0]!, "10.9.0.2", { size, whole: true, count: 3 });
    await setMtu(4000);
    const longer = await passes(3900);
    assert.equal(longer.received, longer.sent, longer.text);
    await setMtu(1500);
    const shorter = await passes(1400);
    assert.equal(shorter.received, shorter.sent, shorter.text);
  });
}

test("a persistent TAP device outlives its port and is opened again; a second port on it is refused", {
  skip,
}, async () => {
  await using lab = new NetLab();
  await using real = new RealSwitch();
  const [netns, far] = [lab.add("p"), lab.add("f")];
  await attach(lab, real, far, 2, { kind: "tap", netns: far, addresses: ["10.6.0.2/24"] });
  await attach(lab, real, netns, 1, {
    kind: "tap",
    netns,
    addresses: ["10.6.0.1/24"],
    queues: 2,
    more: { persist: true },
  });
  await assert.rejects(real.add(3, { kind: "tap", dev: "eth0", netns }), { code: "PORT_DEVICE_TAKEN" });
  await real.remove(1);
  assert.match(lab.ip(netns, "address"), /10\.6\.0\.1/, "the device is there, with its address");
  await real.add(1, { kind: "tap", dev: "eth0", netns, persist: false });
  const echo = await ping(lab, far, "10.6.0.1");
  assert.equal(echo.received, echo.sent, echo.text);
  await real.remove(1);
  assert.doesNotMatch(lab.ip(netns, "link"), /eth0/, "no longer persistent");
});

test("ports that cannot be say why and what to do", { skip }, async () => {
  await using lab = new NetLab();
  await using real = new RealSwitch();
  const netns = lab.add("e");
  lab.veth({ netns, name: "a0", addresses: ["10.7.0.1/24"] }, { netns, name: "a1" });
  lab.ip(netns, "route", "add", "default", "via", "10.7.0.2");
  const attempt = (config: Parameters<RealSwitch["add"]>[1]): Promise<void> => real.add(1, config);
  await assert.rejects(attempt({ kind: "afpacket", dev: "a0", netns }), {
    code: "PORT_DEFAULT_ROUTE",
    message: /force: true/,
  });
  await assert.rejects(attempt({ kind: "afpacket", dev: "lo", netns }), { code: "PORT_LOOPBACK" });
  await assert.rejects(attempt({ kind: "afpacket", dev: "none", netns }), { code: "ENODEV" });
  await assert.rejects(attempt({ kind: "afpacket", dev: "a1", netns: "no-such-netns" }), { code: "ENOENT" });
  await assert.rejects(attempt({ kind: "tap", dev: "a1", netns }), {
    code: "EINVAL",
    message: /other options/,
  });
  assert.deepEqual(real.sw.realPorts(), []);
  await attempt({ kind: "afpacket", dev: "a0", netns, force: true });
});
