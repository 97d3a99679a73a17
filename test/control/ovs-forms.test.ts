// The same rules and packets in Open vSwitch and here, the same questions by the same program: the answers have the
// same form, and where nothing but the packets decides them, the same numbers.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { defaultSettings } from "../../src/config/settings.ts";
import { openControl } from "../../src/control/open.ts";
import type { InlineSwitch } from "../../src/inline-switch.ts";
import { PATIENCE_MS } from "../support/eventually.ts";
import { labSwitch, sendAll } from "../support/lab-switch.ts";
import { OvsOracle, ovsMissing } from "../support/ovs.ts";
import { ethernet, ipv4, packet, tcp } from "../support/packet-builder.ts";

const run = promisify(execFile);
const appctlMissing = existsSync("/usr/bin/ovs-appctl") ? ovsMissing() : "ovs-appctl is not installed";

const flows = ["in_port=1,tcp,nw_dst=10.0.0.0/8,actions=output:2", "priority=1,actions=NORMAL"];
const there = packet(
  ethernet({ src: "02:00:00:00:00:01", dst: "02:00:00:00:00:02" }),
  ipv4({ src: "192.168.0.1", dst: "10.0.0.2" }),
  tcp({ src: 7, dst: 80, flags: 2 }),
  6,
);
const back = packet(
  ethernet({ src: "02:00:00:00:00:02", dst: "02:00:00:00:00:01" }),
  ipv4({ src: "10.0.0.2", dst: "192.168.0.1" }),
  tcp({ src: 80, dst: 7, flags: 18 }),
  6,
);

describe("stock ovs-appctl on our control socket", { skip: appctlMissing ?? false }, () => {
  let ovs: OvsOracle;
  let sw: InlineSwitch;
  let socket: string;
  const folder = mkdtempSync(join(tmpdir(), "megaflow-appctl-"));
  const closing: (() => Promise<unknown>)[] = [];

  before(async () => {
    ovs = await OvsOracle.start({ ports: 8 });
    await ovs.load({ flows });
    sw = labSwitch(defaultSettings);
    sw.addFlows(flows.join("\n"));
    for (const [port, bytes] of [
      [1, there],
      [1, there],
      [1, there],
      [2, back],
    ] as const) {
      await ovs.send(port, bytes.toString("hex"));
      sendAll(sw, [{ port, bytes }], 1);
    }
    socket = join(folder, "sw.ctl");
    const control = await openControl(sw, { socket, version: "1", exit: () => {}, log: () => {} });
    assert.ok(control);
    closing.push(
      () => control.close(),
      () => sw.close(),
      () => ovs.close(),
    );
  });
  after(async () => {
    for (const close of closing) await close();
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = async (...command: string[]): Promise<string> =>
    (await run("ovs-appctl", ["-t", socket, ...command], { timeout: PATIENCE_MS })).stdout;
  const refused = async (...command: string[]): Promise<string> => {
    try {
      await ask(...command);
    } catch (error) {
      return (error as { stderr: string }).stderr;
    }
    assert.fail(`${command.join(" ")} was not refused`);
  };
  /** What is left when names of datapaths and numbers are taken out. */
  const shape = (text: string): string =>
    text.replaceAll(/\b(megaflow@br0|dummy@ovs-dummy)\b/g, "DP").replaceAll(/\d+(\.\d+)?/g, "N");
  const ports = (text: string): string[] => text.split("\n").filter((line) => /^ {2}port [1-8]:/.test(line));

  test("list-commands, version", async () => {
    const ours = await ask("list-commands");
    const theirs = (await ovs.appctl("list-commands")).split("\n").map((line) => line.trim().split(/\s+/)[0]);
    const names = ours
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/)[0] as string);
    assert.match(ours, /^The available commands are:\n {2}\S/);
    // What Open vSwitch has no command for is ours; every other name is one of its.
    const own = names.filter((name) => name !== "" && !theirs.includes(name) && !name.startsWith("tune/"));
    const groups = ["bridge/dump-group-stats", "bridge/dump-groups"];
    assert.deepEqual(own.sort(), [...groups, "megaflows", "set", "settings", "snapshot"]);
    assert.equal(await ask("version"), "megaflow 1\n");
  });

  test("dpctl/show and its statistics", async () => {
    const ours = await ask("dpctl/show");
    assert.match(
      ours,
      /^megaflow@br0:\n {2}lookups: hit:2 missed:2 lost:0\n {2}flows: 2\n {2}masks: hit:\d+ total:2 hit\/pkt:\d\.\d\d\n {2}cache: hit:\d+ hit-rate:\d+\.\d\d%\n {2}caches:\n {4}microflow-cache: size:262144\n {4}masks-cache: size:4096\n/,
    );
    const theirs = await ovs.appctl("dpctl/show");
    assert.equal(
      shape(ours.split("\n").slice(0, 3).join("\n")),
      shape(theirs.split("\n").slice(0, 3).join("\n")),
    );
    assert.deepEqual(
      ports(ours).map((line) => line.replace(/ \(.*/, "")),
      ports(theirs).map((line) => line.replace(/ \(.*/, "")),
    );
    const statistics = await ask("dpctl/show", "-s");
    assert.match(
      statistics,
      /port 1: p1 .*\n {4}RX packets:3 errors:\? dropped:0 overruns:\? frame:\?\n {4}TX packets:1 /,
    );
    for (const [name, rx, tx] of [
      ["p1", 180, 60],
      ["p2", 60, 180],
    ] as const) {
      const line = new RegExp(`${name} .*(\\n.*){3}\\n {4}RX bytes:${rx} {2}TX bytes:${tx}\\n`);
      assert.match(statistics, line);
      assert.match(await ovs.appctl("dpctl/show", "-s"), line);
    }
  });

  test("dpctl/dump-flows, its options and filters", async () => {
    const options = [[], ["--names"], ["filter=tcp"], ["filter=ip,nw_dst=10.1.0.1"], ["filter=udp"]];
    for (const args of options) {
      const [ours, theirs] = [
        await ask("dpctl/dump-flows", ...args),
        await ovs.appctl("dpctl/dump-flows", ...args),
      ];
      const lines = (text: string) =>
        text
          .split("\n")
          .filter((line) => line !== "")
          .map(flowShape)
          .sort();
      assert.deepEqual(lines(ours), lines(theirs), args.join(" "));
    }
    assert.match(
      await ask("dpctl/dump-flows", "-m"),
      /^flow-dump from the main thread:\nufid:[0-9a-f-]{36}, .*, dp:ovs, actions:/,
    );
    assert.equal((await ask("dpctl/dump-flows", "limit=1", "sort=packets")).split("\n").length, 3);
    assert.match(await refused("dpctl/dump-flows", "nonsense"), /opening datapath nonsense failed/);
    assert.match(await refused("dpctl/dump-flows", "filter=nonsense"), /Failed to parse filter/);
  });

  /** A megaflow without its counters and idle times, and with its values masked, which Open vSwitch does not do. */
  function flowShape(line: string): string {
    return line
      .replace("10.0.0.2/255.0.0.0", "10.0.0.0/255.0.0.0")
      .replace(/used:[\d.]+s/, "used:N")
      .replace(/actions:([^,]+,){4,}.*/, "actions:flood");
  }

  test("fdb/show, bridge/dump-flows, upcall/show, ofproto/trace", async () => {
    assert.equal(await ask("fdb/show", "br0"), await ovs.appctl("fdb/show", "br0"));
    assert.match(await refused("fdb/show", "br7"), /no such bridge/);
    const rules = (text: string) =>
      text
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("table_id=254"))
        .map((line) => line.replace(/duration=\d+s/, ""));
    assert.deepEqual(
      rules(await ask("bridge/dump-flows", "br0")).sort(),
      rules(await ovs.appctl("bridge/dump-flows", "br0")).sort(),
    );
    assert.equal(shape(await ask("upcall/show")), shape(await ovs.appctl("upcall/show")));
    for (const flow of [
      "in_port=1,tcp,nw_dst=10.0.0.1",
      "in_port=p2,ip,dl_src=02:00:00:00:00:02,dl_dst=02:00:00:00:00:01",
    ]) {
      const theirs = await ovs.appctl("ofproto/trace", "br0", flow);
      const part = (text: string) => text.slice(text.indexOf('bridge("br0")'), text.indexOf("Megaflow:"));
      assert.equal(part(await ask("ofproto/trace", "br0", flow)), part(theirs));
    }
    assert.match(
      await ask("ofproto/trace", "br0", "in_port=1", there.toString("hex")),
      /\n {4}output:2\n[\s\S]*Datapath actions: 2\n/,
    );
    const [, dumped] = (await ask("dpctl/dump-flows", "filter=in_port=1")).split("\n") as [string, string];
    assert.match(
      await ask("ofproto/trace", dumped.slice(0, dumped.indexOf(", packets:"))),
      /Datapath actions: 2\n/,
    );
  });

  test("pmd-stats-show has the lines of Open vSwitch, pmd-perf-show those of its documentation", async () => {
    const names = (text: string) => text.split("\n").map((line) => line.replace(/:.*/, ""));
    const theirs = names(await ovs.appctl("dpif-netdev/pmd-stats-show")).filter((name) => !/mfex/.test(name));
    assert.deepEqual(names(await ask("dpif-netdev/pmd-stats-show")), theirs);
    sw.setClock(5000);
    const perf = await ask("dpif-netdev/pmd-perf-show");
    for (const line of [
      /^\nTime: \d\d:\d\d:\d\d\.\d{3}\nMeasurement duration: \d+\.\d{3} s\n\nmain thread:\n\n/,
      /\n {2}Rx packets: {20}4 {2}\(\S+ Kpps\)\n/,
      /\n {2}Datapath passes: {15}4 {2}\(1\.00 passes\/pkt\)\n/,
      /\n {2}- Megaflow hits: {15}\d {2}\( *\d+\.\d %, \d\.\d\d subtbl lookups\/hit\)\n/,
      /\n {2}- Upcalls: {21}2 {2}\( 50\.0 %, 0\.0 us\/upcall\)\n/,
      /\n {2}Tx packets: {19}\d\d {2}\(\d+ Kpps\)\n/,
    ])
      assert.match(perf, line);
    await ask("dpif-netdev/pmd-stats-clear");
    assert.match(await ask("dpif-netdev/pmd-stats-show"), /packets received: 0\n/);
    sendAll(sw, [{ port: 1, bytes: there }], 1);
    assert.match(await ask("dpif-netdev/pmd-stats-show"), /packets received: 1\n/);
    assert.match(
      await ask("dpif-netdev/pmd-rxq-show"),
      /^Displaying last 60 seconds pmd usage %\nmain thread:\n {2}isolated : false\n {2}port: p1 {16}queue-id: {2}0 \(enabled\) {3}pmd usage: NOT AVAIL\n/,
    );
    assert.match(await refused("dpif-netdev/pmd-rxq-show", "-secs", "99"), /-secs takes 5 to 60/);
  });

  test("cache sizes are read and set as dpctl does; settings as JSON", async () => {
    assert.equal(
      await ask("dpctl/cache-set-size", "megaflow@br0", "masks-cache", "512"),
      "Setting cache size successful, new size 512\n",
    );
    assert.equal(sw.settings["maskCache.entries"], 512);
    assert.match(await ask("dpctl/cache-get-size"), /masks-cache: size:512\n/);
    assert.match(
      await refused("dpctl/cache-set-size", "megaflow@br0", "masks-cache", "500"),
      /a power of two, 1 to 1M, got "500"/,
    );
    assert.match(
      await refused("dpctl/cache-set-size", "megaflow@br0", "tea-cache", "512"),
      /Cache name "tea-cache" not found on dpif: there are microflow-cache and masks-cache/,
    );
    assert.deepEqual(JSON.parse(await ask("set", "microflow.entries=64k", "pruning=off")), {
      "microflow.entries": 65536,
      pruning: "off",
    });
    assert.equal((JSON.parse(await ask("settings")) as Record<string, unknown>)["pruning"], "off");
    assert.match(await refused("set", "frames=4096"), /frames is fixed while the switch runs/);
    assert.match(await refused("set", "tea=4"), /unknown setting; expected one of microflow\.entries/);
  });

  test("drops by name, memory, megaflows on and off, purging", async () => {
    assert.match(
      await ask("coverage/show"),
      /^Event coverage, avg rate over last: 5 seconds, last minute, last hour, {2}hash=[0-9a-f]{8}:\n[\s\S]*\nxlate_actions +\d+\.\d\/sec +\d+\.\d{3}\/sec +\d+\.\d{4}\/sec {3}total: \d+\n[\s\S]*\d+ events never hit\n$/,
    );
    assert.equal(await ask("coverage/read-counter", "datapath_drop_upcall_error"), "0\n");
    assert.match(await refused("coverage/read-counter", "tea"), /No such counter: tea/);
    assert.match(await ask("memory/show"), /^heap-bytes:\d+ .*megaflows:2 .*rules:2\n$/);
    for (const word of ["disable", "enable"]) {
      assert.equal(await ask(`upcall/${word}-megaflows`), await ovs.appctl(`upcall/${word}-megaflows`));
      assert.equal(sw.megaflowsEnabled, word === "enable");
    }
    assert.equal(await ask("upcall/set-flow-limit", "5000"), "set flow_limit to 5000\n");
    await ask("revalidator/purge");
    sw.settle();
    assert.match(await ask("dpctl/show"), /\n {2}flows: 0\n/);
  });
});
