// `megaflow run` opens its control socket, `megaflow ctl` finds it, changes the switch and ends it.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Snapshot } from "../../src/observe/snapshot.ts";
import { pcapFile } from "../support/capture-builder.ts";
import { eventually } from "../support/eventually.ts";
import { megaflow, startMegaflow } from "../support/megaflow-command.ts";
import { ethernet, ipv4, packet, padTo, udp } from "../support/packet-builder.ts";

const folder = mkdtempSync(join(tmpdir(), "megaflow-ctl-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const frames = Array.from({ length: 50 }, (_, i) =>
  padTo(packet(ethernet(), ipv4({ src: `10.1.0.${i}`, dst: "10.0.0.9" }), udp({ src: i, dst: 53 }))),
);
writeFileSync(
  join(folder, "in.pcap"),
  pcapFile(frames.map((bytes, i) => ({ timeNs: BigInt(i) * 1000n, bytes }))),
);
writeFileSync(
  join(folder, "switch.yaml"),
  "cores: [0]\ncontrol: lab\nports:\n  - {number: 1, kind: trace, file: in.pcap}\n  - {number: 2, kind: null}\nflows: |\n  ip actions=output:2\n",
);
process.env["MEGAFLOW_RUNDIR"] = folder;

test("a switch is asked, changed and ended by megaflow ctl", async () => {
  const absent = await megaflow(["ctl", "version"]);
  assert.equal(absent.status, 1);
  assert.match(
    absent.stderr,
    /^megaflow: no switch is running: there is no live control socket in .*--attach SOCKET\n$/,
  );

  const running = startMegaflow(["run", "switch.yaml", "--for", "600s"], folder);
  const socket = join(folder, "lab.ctl");
  await eventually("the control socket", async () => (await megaflow(["ctl", "version"])).status === 0);
  assert.match((await megaflow(["ctl", "version"])).stdout, /^megaflow \d+\.\d+\.\d+\n$/);

  const dump = () => megaflow(["ctl", "dpctl/dump-flows", "-m", "--no-names", "--attach", socket]);
  await eventually("traffic", async () => (await dump()).stdout.includes("\nufid:"));
  const shown = await dump();
  assert.equal(shown.status, 0, shown.stderr);
  assert.match(shown.stdout, /^flow-dump from pmd on cpu core: 0:\nufid:.*in_port\(1\).*actions:2\n$/);

  const set = await megaflow(["ctl", "set", "microflow.entries=64k", "--attach", "lab", "--json"]);
  assert.deepEqual(JSON.parse(set.stdout), {
    command: "set",
    answer: { "microflow.entries": 65536 },
    error: null,
  });
  const snapshot = JSON.parse((await megaflow(["ctl", "snapshot"])).stdout) as Snapshot;
  assert.equal(snapshot.pmds[0]?.caches.microflow.entries, 65536);
  assert.ok(snapshot.totals.rxPackets > 0);

  const wrong = await megaflow(["ctl", "set", "microflow.entries=1000"]);
  assert.equal(wrong.status, 1);
  assert.equal(wrong.stdout, "");
  assert.match(wrong.stderr, /^megaflow: setting microflow.entries; expected 0 \(off\) or a power of two/);
  const wrongJson = await megaflow(["ctl", "fly", "--json"]);
  assert.equal(wrongJson.status, 1);
  assert.match((JSON.parse(wrongJson.stdout) as { error: string }).error, /"fly" is not a valid command/);

  assert.equal((await megaflow(["ctl", "exit"])).status, 0);
  const { status, stdout, stderr } = await running.result;
  assert.equal(status, 0, stderr);
  assert.ok(stdout.includes(`\ncontrol socket ${socket}\n`), stdout);
  const account = /every packet is accounted for: ([\d,]+) of ([\d,]+)\n$/.exec(stdout);
  assert.ok(account !== null && account[1] === account[2], stdout);
  assert.equal(existsSync(socket), false);
});

test("no control socket where none is wanted, and a named one that cannot be is an error", async () => {
  const off = startMegaflow(["run", "switch.yaml", "--for", "300ms", "--control", "off"], folder);
  const { status, stdout, stderr } = await off.result;
  assert.equal(status, 0, stderr);
  assert.doesNotMatch(stdout, /control socket/);
  const refused = await megaflow(
    ["run", "switch.yaml", "--for", "300ms", "--control", join(folder, "in.pcap")],
    folder,
  );
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /in\.pcap is there and is no socket/);
});
