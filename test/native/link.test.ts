// What the addon says of interfaces, in namespaces of their own, against what iproute2 was told to make.

import assert from "node:assert/strict";
import { readlinkSync } from "node:fs";
import { after, test } from "node:test";
import { requireNative } from "../../src/native.ts";
import type { LinkEvent } from "../../src/native-netdev.ts";
import { eventually } from "../support/eventually.ts";
import { NEED_IP, needs } from "../support/needs.ts";
import { NetLab, sh } from "../support/netns.ts";

const addon = requireNative("this test");
const skip = needs("root", NEED_IP);
const spaces = new NetLab();
after(() => spaces.remove());

test("an interface is described as it was made, in its own namespace and in no other", { skip }, () => {
  const netns = spaces.add("d");
  spaces.veth({ netns, name: "p0" }, { netns, name: "peer0" }, { queues: 4, mtu: 4000 });
  sh("ip", "-n", netns, "link", "set", "p0", "address", "02:11:22:33:44:55");
  const { index, ...rest } = addon.linkInfo({ netns, name: "p0" });
  assert.match(sh("ip", "-n", netns, "link", "show", "p0"), new RegExp(`^${index}: p0`));
  assert.deepEqual(rest, {
    name: "p0",
    mtu: 4000,
    address: "02:11:22:33:44:55",
    driver: "veth",
    up: true,
    running: true,
    loopback: false,
    rxQueues: 4,
    txQueues: 4,
    defaultRoute: false,
  });
  assert.equal(
    addon.linkInfo({ netns: `/var/run/netns/${netns}`, name: "p0" }).index,
    index,
    "a path names it too",
  );
  assert.throws(() => addon.linkInfo({ name: "p0" }), {
    code: "ENODEV",
    message: /`ip link show p0` must find/,
  });
  assert.throws(() => addon.linkInfo({ name: "a-name-that-is-too-long" }), { code: "ENODEV" });
});

test("the interface of a default route is known, for IPv4 and for IPv6", { skip }, () => {
  const netns = spaces.add("r");
  for (const [name, peer] of [
    ["p4", "q4"],
    ["p6", "q6"],
    ["p0", "q0"],
  ] as const) {
    spaces.veth({ netns, name }, { netns, name: peer });
    spaces.set(netns, `net/ipv6/conf/${name}/disable_ipv6`, 0);
  }
  sh("ip", "-n", netns, "address", "add", "10.1.0.1/24", "dev", "p4");
  sh("ip", "-n", netns, "route", "add", "default", "via", "10.1.0.254");
  sh("ip", "-n", netns, "-6", "route", "add", "default", "dev", "p6");
  sh("ip", "-n", netns, "-6", "route", "add", "unreachable", "default", "dev", "lo", "metric", "9999");
  const carries = (name: string): boolean => addon.linkInfo({ netns, name }).defaultRoute;
  assert.deepEqual(["p4", "p6", "p0", "lo"].map(carries), [true, true, false, false]);
});

test("an interface is promiscuous while the descriptor is open", { skip }, () => {
  const netns = spaces.add("p");
  spaces.veth({ netns, name: "p0" }, { netns, name: "peer0" });
  const { index } = addon.linkInfo({ netns, name: "p0" });
  const count = (): string | undefined =>
    /promiscuity (\d+)/.exec(sh("ip", "-d", "-n", netns, "link", "show", "p0"))?.[1];
  const fd = addon.openPromiscuous({ netns, index });
  assert.equal(count(), "1");
  addon.closeFd(fd);
  assert.equal(count(), "0");
  assert.throws(() => addon.openPromiscuous({ netns, index: 9999 }), { code: "ENODEV" });
});

test("news of interfaces comes in order: made, up, down, deleted", { skip }, async () => {
  const netns = spaces.add("n");
  const monitor = addon.openLinkMonitor({ netns });
  assert.deepEqual(addon.readLinkEvents(monitor), []);
  /** News of p0 up to what is awaited; the kernel tells of a link's running some time after its being up. */
  const newsUntil = async (what: string, last: (event: LinkEvent) => boolean): Promise<LinkEvent[]> => {
    const heard: LinkEvent[] = [];
    await eventually(what, () => {
      for (const event of addon.readLinkEvents(monitor)) if (event?.name === "p0") heard.push(event);
      return heard.some(last);
    });
    return heard;
  };
  spaces.veth({ netns, name: "p0" }, { netns, name: "peer0" });
  const made = await newsUntil("up and running", ({ up, running }) => up && running);
  assert.equal(made[0]?.up, false);
  assert.ok(made.every(({ deleted }) => !deleted));
  addon.setLink({ netns, name: "p0", up: false });
  await newsUntil("down", ({ up }) => !up);
  assert.equal(addon.linkInfo({ netns, name: "p0" }).up, false);
  sh("ip", "-n", netns, "link", "del", "p0");
  const gone = (await newsUntil("deleted", ({ deleted }) => deleted)).at(-1);
  assert.deepEqual([gone?.deleted, gone?.index], [true, made[0]?.index]);
  addon.closeFd(monitor);
});

test("news that did not fit is reported as lost, and later news still comes", { skip }, () => {
  const netns = spaces.add("o");
  const monitor = addon.openLinkMonitor({ netns });
  spaces.veth({ netns, name: "p0" }, { netns, name: "peer0" });
  for (let i = 0; i < 600; i++) addon.setLink({ netns, name: "p0", up: i % 2 === 0 });
  assert.ok(addon.readLinkEvents(monitor).includes(null), "600 changes overflow the socket");
  addon.setLink({ netns, name: "p0", up: true });
  assert.equal(addon.readLinkEvents(monitor).at(-1)?.up, true);
  addon.closeFd(monitor);
});

test("the caller's own namespace is never changed", { skip }, () => {
  const before = readlinkSync("/proc/self/ns/net");
  const netns = spaces.add("s");
  for (let i = 0; i < 20; i++) addon.linkInfo({ netns, name: "lo" });
  assert.equal(readlinkSync("/proc/self/ns/net"), before);
  assert.equal(readlinkSync(`/proc/self/task/${addon.threadId()}/ns/net`), before);
});
