// The bench of the slow path runs, with little of everything, and what it says adds up.

import assert from "node:assert/strict";
import { test } from "node:test";
import { stormReport } from "../../bench/storm/report.ts";
import { runStorm } from "../../bench/storm/storm.ts";

test("a small storm is measured: all flows are installed, none is lost, and the report has its figures", async () => {
  const flows = 600;
  const options = { pmdCore: 0, controllerCore: 0, flows, seconds: 0.1, runs: 1, log: () => {} };
  const result = await runStorm(options, false);
  assert.deepEqual(
    result.setUp.map(({ tables, lost, translations }) => ({ tables, lost, translations })),
    [1, 8].map((tables) => ({ tables, lost: 0, translations: flows })),
  );
  for (const one of result.setUp) {
    assert.equal(one.flows, flows);
    assert.ok(one.flowsPerSecond > 0 && one.queueing.count > 0 && one.installation.count > 0);
  }
  assert.deepEqual(
    result.neighbours.map(({ storm }) => storm),
    ["new flows", "explosion"],
  );
  for (const { before, meanwhile, lost } of result.neighbours) {
    assert.ok(Number.isFinite(before.mpps) && Number.isFinite(meanwhile.mpps));
    assert.equal(lost.neighbour, 0, "the storm took no upcall of its neighbour's");
  }
  const report = stormReport(result);
  assert.match(report, /\| 1 \| 600 \|/);
  assert.match(report, /explosion/);
});
