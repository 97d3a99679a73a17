// Recorded traffic of real programs through Open vSwitch and through Megaflow, under rules that touch every layer; and
// the same recording in every capture format.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { everyFormat, readTcpdump } from "../captures/make.ts";
import { compareRuns, type DifferentialCase, Oracle, replay, runMegaflow } from "../support/differential.ts";
import { ovsMissing } from "../support/ovs.ts";

const ROOT = join(import.meta.dirname, "../..");
const LAB = "examples/captures/lab.pcap";
const RUNS = [
  { capture: LAB, flows: "examples/three-tables.flows", leastForwarded: 0.9 },
  { capture: LAB, flows: "test/captures/mixed.flows", leastForwarded: 0.9 },
  { capture: "test/captures/edge.pcap", flows: "test/captures/mixed.flows", leastForwarded: 0.9 },
  { capture: "test/captures/trunk.pcap", flows: "test/captures/mixed.flows", leastForwarded: 0.8 },
];

describe("recorded captures", () => {
  const oracle = new Oracle();
  after(() => oracle.close());

  for (const { capture, flows, leastForwarded } of RUNS) {
    const skip = ovsMissing() ?? false;
    it(`leave as Open vSwitch sends them: ${capture} under ${flows}`, { skip }, async (t) => {
      const drawn = captureCase(capture, flows);
      const ovs = await oracle.run(drawn);
      const ours = await runMegaflow(drawn);
      assert.equal(ovs.killers.length, 0);
      assert.deepEqual(compareRuns(drawn, ovs, ours).slice(0, 2), []);
      const forwarded = ovs.results.filter((result) => result.out.length > 0).length;
      assert.ok(forwarded >= ovs.results.length * leastForwarded, `only ${forwarded} forwarded`);
      const counts = `megaflows ${ours.megaflows.length} : ${ovs.megaflows.length}, masks ${ours.masks} : ${ovs.masks}`;
      t.diagnostic(`${ovs.results.length} packets, ${counts} (ours : Open vSwitch's)`);
      assert.ok(ours.megaflows.length <= ovs.megaflows.length * 1.1);
      assert.ok(ours.masks <= ovs.masks * 1.1);
    });
  }

  it("read the same in every format, byte order and resolution, gzip or not", async () => {
    const frames = readTcpdump(join(ROOT, "test/captures/edge.pcap"));
    const directory = mkdtempSync(join(tmpdir(), "megaflow-formats-"));
    try {
      const texts = new Map<string, string>();
      for (const [name, bytes] of everyFormat(frames)) {
        const path = join(directory, name);
        writeFileSync(path, bytes);
        const flows = join(ROOT, "test/captures/mixed.flows");
        texts.set(name, await replay(["--flows", flows, "--pcap", `1=${path}`, "--json"]));
      }
      const [first = "", ...others] = texts.values();
      assert.equal(first.trimEnd().split("\n").length, frames.length + 1);
      assert.equal(others.length, 11);
      for (const [name, text] of texts) assert.ok(text === first, `${name} is read differently`);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

/** A capture's frames as a case: all come in on port 1. */
function captureCase(capture: string, flows: string): DifferentialCase {
  const lines = readFileSync(join(ROOT, flows), "utf8").split("\n");
  return {
    flows: lines.filter((line) => line !== "" && !line.startsWith("#")),
    groups: [],
    meters: [],
    stateful: false,
    version: "OpenFlow15",
    packets: readTcpdump(join(ROOT, capture)).map(({ bytes }) => ({ port: 1, hex: bytes.toString("hex") })),
  };
}
