// `npm run bench:tune` in miniature: it runs, its predictions of hits hold, it goes on where it was, and its report
// names the machine. Nothing here depends on how fast the machine is.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import type { TuneResults } from "../../bench/tune/result.ts";
import { projectFile } from "../../src/project.ts";

const folder = mkdtempSync(join(tmpdir(), "megaflow-bench-tune-"));
after(() => rmSync(folder, { recursive: true, force: true }));

async function bench(name: string): Promise<{ report: string; results: TuneResults }> {
  const script = projectFile("bench/tune/main.ts");
  const options = ["--effort", "smoke", "--core", "0", "--out", folder, "--only", name];
  await promisify(execFile)(process.execPath, ["--import", "tsx", script, ...options], {
    cwd: projectFile("."),
  });
  return {
    report: readFileSync(join(folder, "README.md"), "utf8"),
    results: JSON.parse(readFileSync(join(folder, "results.json"), "utf8")) as TuneResults,
  };
}

test("the bench of predictions runs, and goes on where it was", { timeout: 1_500_000 }, async () => {
  const first = await bench("lab-capture");
  assert.deepEqual(
    first.results.cases.map((one) => one.name),
    ["lab-capture"],
  );
  const { rows } = first.results.cases[0]!;
  // Two sizes of each cache, and the present ones.
  assert.equal(rows.length, 9);
  for (const row of rows) {
    const where = `${row.microflowEntries} + ${row.maskCacheEntries}`;
    assert.ok(Math.abs(row.predictedHit - row.measuredHit) < 0.02, `${where}: ${JSON.stringify(row)}`);
    assert.ok(row.predictedMpps > 0 && row.measuredMpps > 0, where);
  }
  assert.ok(first.report.includes(first.results.environment!.cpu), "the report names the CPU");
  assert.match(first.report, /## lab-capture\n/);
  const second = await bench("edge-capture");
  const [lab, edge] = ["lab-capture", "edge-capture"].map((name) =>
    second.results.cases.find((one) => one.name === name),
  );
  assert.deepEqual(lab, first.results.cases[0], "what is in the results is not done again");
  assert.ok(edge !== undefined);
});
