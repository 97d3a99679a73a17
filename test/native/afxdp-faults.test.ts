// What goes wrong with AF_XDP, each with its code and a sentence on what to do, and that nothing stays behind:
// after kill -9 the interface is the kernel's again, and a terminated worker leaves no hole in memory.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { constants } from "node:os";
import { after, test } from "node:test";
import { Worker } from "node:worker_threads";
import { loadNative } from "../../src/native.ts";
import { eventually } from "../support/eventually.ts";
import { NEED_IP, needs } from "../support/needs.ts";
import { NetLab, sh } from "../support/netns.ts";
import { Arena, addon, Driver, RING_SIZES, untilFree } from "./xsk-driver.ts";

const skip = needs("root", NEED_IP);
const spaces = new NetLab();
after(() => spaces.remove());
const loaded = loadNative();
const addonPath = loaded.addon === undefined ? "" : loaded.path;

/** A namespace with a veth pair of which p0 is the switch's end. */
function oneInterface(label: string): { netns: string; index: number } {
  const netns = spaces.add(label);
  spaces.veth({ netns, name: "p0" }, { netns, name: "peer0" });
  return { netns, index: addon.linkInfo({ netns, name: "p0" }).index };
}

/** The message of a refused call, checked for its code. */
function refusal(code: string, call: () => unknown): string {
  let message = "";
  assert.throws(call, (error: NodeJS.ErrnoException) => {
    assert.equal(error.code, code, error.message);
    assert.equal(typeof error.errno, "number");
    assert.ok(error.syscall !== undefined && error.syscall.length > 0);
    message = error.message;
    return true;
  });
  return message;
}

test("each wrong way to open a socket is refused with what to do", { skip }, async () => {
  const { netns, index } = oneInterface("er");
  const arena = new Arena();
  const { fd: anchor } = addon.openAnchor(arena.bytes, arena.umem);
  const open = (options: object): Driver => new Driver(arena, { netns, index, queue: 0, anchor, ...options });
  const own = { anchor: undefined, ...arena.umem };
  assert.match(
    refusal("EOPNOTSUPP", () => open({ ...own, zeroCopy: true })),
    /use mode native or best-effort/,
  );
  const first = await untilFree(() => open({}));
  assert.match(
    refusal("EINVAL", () => addon.closeFd(first.xsk.fd)),
    /closePort/,
  );
  assert.match(
    refusal("EBUSY", () => open({})),
    /already.*try again/,
  );
  assert.match(
    refusal("EINVAL", () => open({ queue: 7 })),
    /number of queues \(`ethtool -l/,
  );
  assert.match(
    refusal("ENODEV", () => open({ index: 9999 })),
    /interface is gone/,
  );
  assert.match(
    refusal("ENOTSOCK", () => open({ anchor: 9999 })),
    /anchor is closed/,
  );
  first.close();
  assert.match(
    refusal("ENOENT", () => open({ netns: "nonesuch-mf" })),
    /No network namespace at .*nonesuch-mf.*ip netns list/,
  );
  assert.match(
    refusal("EINVAL", () => addon.openAnchor(arena.bytes, { ...arena.umem, chunk: 3000 })),
    /chunks are 2048 or 4096/,
  );
  const rings = { ...RING_SIZES, netns, index, queue: 0, anchor };
  assert.match(
    refusal("EINVAL", () => addon.openXsk(arena.bytes, { ...rings, rxSize: 100, block: 0 })),
    /powers of two/,
  );
  assert.throws(
    () => addon.openXsk(arena.bytes, { ...rings, block: 100 }),
    /block: expected the start of a page/,
  );
  assert.throws(
    () => addon.openXsk(arena.bytes, { ...rings, block: arena.bytes.length - 4096 }),
    /rings end behind the memory/,
  );
  sh("ip", "-n", netns, "link", "set", "p0", "down");
  const down = await untilFree(() => open({}));
  assert.equal(down.send({ address: 0, length: 60, continued: false }), constants.errno.ENETDOWN);
  down.close();
  addon.closePort(anchor);
  refusal("EBADF", () => addon.closePort(anchor));
});

test("a second program on an interface is refused, and detaching gives it back", { skip }, () => {
  const { netns, index } = oneInterface("pr");
  const program = addon.attachProgram({ netns, index, queues: 1 });
  assert.match(sh("ip", "-n", netns, "link", "show", "p0"), /prog\/xdp id \d+/);
  assert.match(
    refusal("EBUSY", () => addon.attachProgram({ netns, index, queues: 1 })),
    /xdp off/,
  );
  addon.closeFd(program.link);
  addon.closeFd(program.map);
  assert.doesNotMatch(sh("ip", "-n", netns, "link", "show", "p0"), /prog\/xdp/);
  const generic = addon.attachProgram({ netns, index, queues: 1, generic: true });
  assert.match(sh("ip", "-n", netns, "link", "show", "p0"), /xdpgeneric/);
  addon.closeFd(generic.link);
  addon.closeFd(generic.map);
  refusal("ENODEV", () => addon.attachProgram({ netns, index: 9999, queues: 1 }));
});

test("without privilege every door says which one it takes", { skip }, () => {
  const script = `
    const addon = require(process.env.ADDON);
    const memory = new Uint8Array(new WebAssembly.Memory({ initial: 256, maximum: 256, shared: true }).buffer);
    const ring = { index: 1, block: 0, blockSize: 4096, blockCount: 1 };
    const sizes = { fillSize: 64, completionSize: 64, rxSize: 64, txSize: 64 };
    for (const call of [
      () => addon.openAnchor(memory, { umemOffset: 0, umemLength: 65536, chunk: 2048 }),
      () => addon.openXsk(memory, { ...sizes, index: 1, queue: 0, block: 0, anchor: 0 }),
      () => addon.attachProgram({ index: 1, queues: 1 }),
      () => addon.openPacketRing(memory, ring),
      () => addon.openPromiscuous({ index: 1 }),
      () => addon.openTap({ name: "mftap" }),
      () => addon.setLink({ name: "lo", up: true }),
    ]) {
      try { call(); console.log("worked"); } catch (error) { console.log(error.code + " " + error.message); }
    }
    console.log(JSON.stringify(addon.linkInfo({ name: "lo" })));`;
  const options = {
    uid: 65534,
    gid: 65534,
    env: { ...process.env, ADDON: addonPath },
    encoding: "utf8",
    cwd: "/",
  } as const;
  const lines = spawnSync(process.execPath, ["-e", script], options).stdout.trim().split("\n");
  assert.equal(lines.length, 8, lines.join("\n"));
  for (const line of lines.slice(0, 7))
    assert.match(line, /^EPERM .*(run as root|needs CAP_NET_ADMIN|needs CAP_NET_RAW)/);
  assert.equal((JSON.parse(lines[7] ?? "") as { loopback: boolean }).loopback, true);
});

test("a limit on locked memory is named with its ways out", { skip }, () => {
  const script = `
    const addon = require(process.env.ADDON);
    const memory = new Uint8Array(new WebAssembly.Memory({ initial: 256, maximum: 256, shared: true }).buffer);
    try { addon.openAnchor(memory, { umemOffset: 0, umemLength: 8 << 20, chunk: 2048 }); console.log("worked"); }
    catch (error) { console.log(error.code + " " + error.message); }`;
  const limited = 'ulimit -l 1024; exec setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock "$0" -e "$1"';
  const env = { ...process.env, ADDON: addonPath };
  const { stdout, stderr } = spawnSync("bash", ["-c", limited, process.execPath, script], {
    env,
    encoding: "utf8",
  });
  assert.match(stdout, /^ENOBUFS .*8 MiB \(`ulimit -l unlimited`, LimitMEMLOCK=infinity/, stderr);
});

test("after kill -9 the interface is the kernel's at once, and another process binds its queue", {
  skip,
}, async () => {
  const { netns, index } = oneInterface("k9");
  const script = `
    const addon = require(process.env.ADDON);
    const [netns, index] = [process.env.NETNS, Number(process.env.INDEX)];
    const memory = new Uint8Array(new WebAssembly.Memory({ initial: 256, maximum: 256, shared: true }).buffer);
    const anchor = addon.openAnchor(memory, { umemOffset: 8 << 20, umemLength: 8 << 20, chunk: 2048 });
    const sizes = { fillSize: 256, completionSize: 256, rxSize: 256, txSize: 256 };
    const xsk = addon.openXsk(memory, { ...sizes, netns, index, queue: 0, block: 1 << 20, anchor: anchor.fd });
    const program = addon.attachProgram({ netns, index, queues: 1 });
    addon.steerQueue({ map: program.map, queue: 0, socket: xsk.fd });
    console.log("attached");
    setInterval(() => {}, 1000);`;
  const env = { ...process.env, ADDON: addonPath, NETNS: netns, INDEX: String(index) };
  const child = spawn(process.execPath, ["-e", script], { env, stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  const attached = (): boolean => /prog\/xdp/.test(sh("ip", "-n", netns, "link", "show", "p0"));
  assert.equal(attached(), true);
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
  await eventually("the program is gone", () => !attached());
  const arena = new Arena();
  const { fd: anchor } = addon.openAnchor(arena.bytes, arena.umem);
  const driver = await untilFree(() => new Driver(arena, { netns, index, queue: 0, anchor }));
  driver.close();
  addon.closePort(anchor);
});

test("a worker wakes, waits on and kicks sockets that the main thread owns", { skip }, async () => {
  const { netns, index } = oneInterface("wk");
  const arena = new Arena();
  const { fd: anchor } = addon.openAnchor(arena.bytes, arena.umem);
  const driver = new Driver(arena, { netns, index, queue: 0, anchor });
  const program = addon.attachProgram({ netns, index, queues: 1 });
  addon.steerQueue({ map: program.map, queue: 0, socket: driver.xsk.fd });
  driver.fill(arena.chunk());
  const source = `
    const { parentPort, workerData } = require("node:worker_threads");
    const addon = require(workerData.path);
    parentPort.postMessage("waiting");
    const ready = addon.waitForEvents(Int32Array.of(workerData.fd), 60000);
    parentPort.postMessage([ready, addon.wakeTx(workerData.fd), addon.wakeRx(workerData.fd)]);`;
  const worker = new Worker(source, { eval: true, workerData: { path: addonPath, fd: driver.xsk.fd } });
  const messages: unknown[] = [];
  worker.on("message", (message) => {
    messages.push(message);
    // The peer asks who has an address: a packet that nobody in this test made up.
    if (message === "waiting")
      spawnSync("ip", ["netns", "exec", netns, "arping", "-c1", "-I", "peer0", "10.0.0.9"]);
  });
  sh("ip", "-n", netns, "address", "add", "10.0.0.1/24", "dev", "peer0");
  const ping = spawn("ip", ["netns", "exec", netns, "ping", "-c1", "-W1", "10.0.0.9"], { stdio: "ignore" });
  await once(worker, "exit");
  ping.kill();
  assert.deepEqual(messages, ["waiting", [1, 0, 0]]);
  assert.equal(driver.receive().length, 1);
  addon.closeFd(program.link);
  addon.closeFd(program.map);
  driver.close();
  addon.closePort(anchor);
});

test("a worker that ends with sockets open closes them, and its memory stays usable", { skip }, async () => {
  const { netns, index } = oneInterface("we");
  const memory = new WebAssembly.Memory({ initial: 256, maximum: 256, shared: true });
  const source = `
    const { parentPort, workerData } = require("node:worker_threads");
    const addon = require(workerData.path);
    const bytes = new Uint8Array(workerData.memory.buffer);
    const anchor = addon.openAnchor(bytes, { umemOffset: 8 << 20, umemLength: 8 << 20, chunk: 2048 });
    const sizes = { fillSize: 256, completionSize: 256, rxSize: 256, txSize: 256 };
    const place = { netns: workerData.netns, index: workerData.index, queue: 0, block: 1 << 20, anchor: anchor.fd };
    addon.openXsk(bytes, { ...sizes, ...place });
    parentPort.postMessage("open");
    setInterval(() => {}, 1000);`;
  const worker = new Worker(source, { eval: true, workerData: { path: addonPath, memory, netns, index } });
  const before = readdirSync("/proc/self/fd").length;
  await once(worker, "message");
  assert.equal(readdirSync("/proc/self/fd").length >= before + 2, true);
  await worker.terminate();
  const sockets = (): number => readdirSync("/proc/self/fd").length;
  await eventually("the worker's descriptors are closed", () => sockets() <= before);
  const words = new Uint32Array(memory.buffer);
  for (let page = 1 << 20; page < 2 << 20; page += 4096) words[page >>> 2] = page;
  assert.equal(words[(1 << 20) >>> 2], 1 << 20);
});
