// A guest under QEMU on the switch: the virtio card of a virtual machine, its checksums and segments left to the
// card as every Linux guest does. The bridge comes first, to tell a broken guest from a broken switch.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { Guest, NEED_GUEST } from "../support/guest.ts";
import { NEED_IP, NEED_PING, needs } from "../support/needs.ts";
import { NetLab } from "../support/netns.ts";
import { ping } from "../support/netns-tools.ts";
import { RealSwitch } from "../support/real-switch.ts";

const skip = needs("root", NEED_IP, NEED_PING, ...NEED_GUEST);

const FAR = ["10.9.0.1/24", "fd09::1/64"];
const GUEST = "10.9.0.2/24";
const GUEST_TAP = "tap,ifname=vm0,script=no,downscript=no";
/** A file that both sides have. */
const FILE =
  skip === false ? execFileSync("sh", ["-c", "command -v busybox"], { encoding: "utf8" }).trim() : "";

/** Echoes both ways over IPv4 and IPv6, and a megabyte or two by TCP both ways, which wrong checksums or segments would stop. */
async function exchange(lab: NetLab, far: string, guest: Guest): Promise<void> {
  for (const version of [4, 6])
    await guest.run(`echo 60 >/proc/sys/net/ipv${version}/neigh/eth0/mcast_solicit`);
  await guest.run("echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad; ip -6 addr add fd09::2/64 dev eth0");
  for (const [here, there] of [
    ["10.9.0.1", "10.9.0.2"],
    ["fd09::1", "fd09::2"],
  ] as const) {
    assert.match(await guest.run(`ping -c 3 -i 0.1 ${here}`), /3 packets received, 0% packet loss/);
    const back = await ping(lab, far, there);
    assert.equal(back.received, back.sent, back.text);
    const digest = execFileSync("md5sum", [FILE], { encoding: "utf8" }).slice(0, 32);
    await listen(lab, far, 9000, "md5sum");
    const sent = await guest.run(`nc -w 60 ${here} 9000 </bin/busybox`);
    assert.match(sent, new RegExp(digest), "what the guest sent is what arrived");
    await listen(lab, far, 9001, "cat", FILE);
    const received = await guest.run(`nc -w 60 ${here} 9001 </dev/null | md5sum`);
    assert.match(received, new RegExp(digest), "what was sent to the guest is what it got");
  }
}

/** Starts a server that runs a command for the one connection that it takes; resolves when it listens. */
async function listen(lab: NetLab, netns: string, port: number, ...command: string[]): Promise<void> {
  lab.start(netns, "busybox", "nc", "-l", "-p", `${port}`, "-e", ...command);
  const socket = new RegExp(`:${port.toString(16).toUpperCase()} [0:]+ 0A `);
  await eventually(`a server on port ${port}`, () =>
    socket.test(lab.run(netns, "cat", "/proc/net/tcp", "/proc/net/tcp6")),
  );
}

test("a guest on a Linux bridge, as the measure of what follows", { skip }, async () => {
  await using lab = new NetLab();
  const [host, far] = [lab.add("host"), lab.add("far")];
  lab.veth({ netns: host, name: "v0" }, { netns: far, name: "eth0", addresses: FAR });
  lab.ip(host, "link", "add", "name", "br0", "type", "bridge", "forward_delay", "0");
  lab.ip(host, "tuntap", "add", "dev", "vm0", "mode", "tap", "vnet_hdr");
  for (const name of ["v0", "vm0"]) lab.ip(host, "link", "set", "dev", name, "master", "br0", "up");
  lab.ip(host, "link", "set", "dev", "br0", "up");
  await using guest = await Guest.boot({ netns: host, netdev: GUEST_TAP, address: GUEST });
  await exchange(lab, far, guest);
});

test("a guest on a tap port, through a macvtap on the port's device, which is what QEMU gets", {
  skip,
}, async () => {
  await using lab = new NetLab();
  await using real = new RealSwitch();
  const [host, far] = [lab.add("host"), lab.add("far")];
  await real.add(1, { kind: "tap", dev: "vm0", netns: host });
  await real.add(2, { kind: "tap", dev: "eth0", netns: far });
  lab.address(far, "eth0", ...FAR);
  lab.ip(host, "link", "add", "link", "vm0", "name", "vm0q", "type", "macvtap", "mode", "passthru");
  lab.ip(host, "link", "set", "dev", "vm0q", "up");
  const folder = mkdtempSync(join(tmpdir(), "megaflow-macvtap-"));
  const [major = "", minor = ""] = lab
    .run(host, "sh", "-c", "cat /sys/class/net/vm0q/tap*/dev")
    .trim()
    .split(":");
  lab.run(host, "mknod", join(folder, "tap"), "c", major, minor);
  const fd = openSync(join(folder, "tap"), "r+");
  rmSync(folder, { recursive: true });
  const mac = lab.run(host, "cat", "/sys/class/net/vm0q/address").trim();
  try {
    await using guest = await Guest.boot({ netns: host, netdev: "tap,fd=3", fds: [fd], address: GUEST, mac });
    await exchange(lab, far, guest);
  } finally {
    closeSync(fd);
  }
});

for (const kind of ["afpacket", "afxdp"] as const) {
  test(`a guest whose own TAP device is an ${kind} port`, { skip }, async () => {
    await using lab = new NetLab();
    await using real = new RealSwitch();
    const [host, far] = [lab.add("host"), lab.add("far")];
    lab.ip(host, "tuntap", "add", "dev", "vm0", "mode", "tap", "vnet_hdr");
    await real.add(1, { kind, dev: "vm0", netns: host });
    await real.add(2, { kind: "tap", dev: "eth0", netns: far });
    lab.address(far, "eth0", ...FAR);
    await using guest = await Guest.boot({ netns: host, netdev: GUEST_TAP, address: GUEST });
    await exchange(lab, far, guest);
  });
}
