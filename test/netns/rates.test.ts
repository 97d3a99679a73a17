// The measuring instruments on real interfaces, with trials too short to tell a rate: bench/veth's subjects forward,
// the no-drop search finds a rate through a switch it starts, and nothing stays behind.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { measure } from "../../bench/veth/measure.ts";
import { compilerMissing } from "../../bench/veth/programs.ts";
import { markdown, reportOf } from "../../bench/veth/report.ts";
import { cForwarder, cReceiver } from "../../bench/veth/subjects/c-forwarder.ts";
import { linuxBridge } from "../../bench/veth/subjects/linux-bridge.ts";
import { megaflowAfxdp } from "../../bench/veth/subjects/megaflow.ts";
import { LabChild } from "../support/lab-child.ts";
import { megaflow, megaflowWords } from "../support/megaflow-command.ts";
import { NEED_ETHTOOL, NEED_IP, needs } from "../support/needs.ts";
import { NetLab } from "../support/netns.ts";

const skip = needs("root", NEED_IP, NEED_ETHTOOL, { command: "gcc", package: "gcc" });
const folder = mkdtempSync(join(tmpdir(), "mf-rates-"));
after(() => rmSync(folder, { recursive: true }));
const plan = {
  load: { seconds: 1, length: 60, flows: 64 },
  windows: 2,
  generatorCore: 0,
  switchCore: 1,
};

test("every sort of subject of bench/veth forwards and is measured", { skip }, async () => {
  assert.equal(compilerMissing(), undefined);
  const results = [];
  for (const subject of [cForwarder, cReceiver, linuxBridge, megaflowAfxdp]) {
    const result = await measure(subject, plan);
    assert.ok("median" in result, `${subject.name}: ${"reason" in result ? result.reason : ""}`);
    assert.ok(result.median > 0, `${subject.name}: ${result.median} frames a second`);
    if (result.half !== null) assert.ok(result.half.samples > 0 && result.half.p50Us > 0, subject.name);
    results.push(result);
  }
  const text = markdown(reportOf(plan, results, []));
  assert.match(text, /\| Megaflow, afxdp \/ C forwarder \| \d+\.\d+ \| 0\.90 \|/);
  const left = readdirSync("/var/run/netns").filter((name) => name.startsWith(`mf${process.pid}x`));
  assert.deepEqual(left, []);
});

test("the no-drop search starts a switch, finds a rate for each size and ends the switch", {
  skip,
}, async () => {
  const lab = new NetLab();
  try {
    const [left, middle, right] = [lab.add("l"), lab.add("m"), lab.add("r")];
    lab.veth({ netns: left, name: "g0" }, { netns: middle, name: "p0" });
    lab.veth({ netns: middle, name: "p1" }, { netns: right, name: "s0" });
    const file = join(folder, "switch.yaml");
    const port = (number: number, dev: string): string =>
      `  - {number: ${number}, kind: afpacket, dev: ${dev}, netns: ${middle}}`;
    writeFileSync(
      file,
      ["cores: [1]", "ports:", port(1, "p0"), port(2, "p1"), "flows: |", "  in_port=1,actions=2", ""].join(
        "\n",
      ),
    );
    const ends = ["--tx-dev", "g0", "--tx-netns", left, "--rx-dev", "s0", "--rx-netns", right];
    const quick = [
      "--sizes",
      "60,imix",
      "--trial",
      "500ms",
      "--max-rate",
      "5k",
      "--loss",
      "20",
      "--resolution",
      "40",
    ];
    const child = new LabChild([
      ...megaflowWords,
      "bench",
      "no-drop",
      "--switch",
      file,
      ...ends,
      ...quick,
      "--json",
    ]);
    assert.equal(await child.ended, 0, child.stderr);
    const { results } = JSON.parse(child.stdout) as {
      results: { size: unknown; rate: number; trials: { sent: number; delivered: number }[] }[];
    };
    assert.deepEqual(
      results.map((one) => one.size),
      [60, "imix"],
    );
    for (const { rate, trials } of results) {
      assert.ok(rate > 0, JSON.stringify(trials));
      assert.ok(trials.every((one) => one.delivered <= one.sent && one.delivered > 0));
    }
    assert.doesNotMatch(
      lab.run(middle, "cat", "/proc/net/packet"),
      /^[0-9a-f]+ .* 0003 /m,
      "no socket is left",
    );
  } finally {
    await lab.remove();
  }
});

test("the no-drop search names what is wrong with its interfaces and its switch", { skip }, async () => {
  const wrong = await megaflow([
    "bench",
    "no-drop",
    "--tx-dev",
    "nowhere0",
    "--rx-dev",
    "lo",
    "--trial",
    "100ms",
  ]);
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /ip link show nowhere0/);
  const file = join(folder, "wrong.yaml");
  writeFileSync(file, "ports: []\nflows: |\n  actions=drop\n");
  const broken = await megaflow(["bench", "no-drop", "--tx-dev", "lo", "--rx-dev", "lo", "--switch", file]);
  assert.equal(broken.status, 1);
  assert.match(broken.stderr, /did not start: .*at least one is needed/);
});
