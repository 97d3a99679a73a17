// A short run of the soak and of the figures of rule changes: the same checks as over minutes, on whatever machine.

import assert from "node:assert/strict";
import { test } from "node:test";
import { measureSetUp } from "../../bench/storm/set-up.ts";
import { soak } from "../../bench/storm/soak.ts";
import { soakLines } from "../../bench/storm/soak-report.ts";

const quiet = () => {};

test("under churn of connections and rules no packet is overtaken, mixed, stale or lost from the books", async () => {
  const result = await soak({
    seconds: 4,
    pmdCore: 0,
    controllerCore: 0,
    connections: 1024,
    log: quiet,
  });
  // How long a PMD that shares its core stands still is for quieter machines to tell.
  const faults = result.faults.filter((fault) => !fault.startsWith("the PMD stood still"));
  assert.deepEqual(faults, [], soakLines(result).join("\n"));
  assert.ok(result.packets > 1000 && result.changes > 2, soakLines(result).join("\n"));
});

test("a rule change translates again what it touches and nothing else, with thousands of megaflows", async () => {
  const options = { flows: 4096, runs: 1, pmdCore: 0, controllerCore: 0, seconds: 0.1, log: quiet };
  const found = (await measureSetUp(options, 1, true)).changes;
  assert.ok(found !== null);
  const { changes, megaflows } = found;
  const [sixteenth, , none, , all, , again, , full] = changes.map(({ retranslated }) => retranslated);
  assert.ok(megaflows >= 4096);
  assert.ok(sixteenth! > 0 && sixteenth! < megaflows / 8, `${sixteenth} of ${megaflows}`);
  assert.equal(none, 0);
  assert.equal(again, sixteenth);
  assert.ok(all! >= 4096 && full! >= all!, `${all} and ${full} of ${megaflows}`);
});
