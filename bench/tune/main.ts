// `npm run bench:tune`: predicts every size for every case, measures every size, and writes the two side by
// side. A run that is cut off goes on where it was: a case that is in the results is not done again.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { defaultCore } from "../../src/cli/environment.ts";
import { ProgressBar } from "../../src/cli/progress-bar.ts";
import { defaultSettings } from "../../src/config/settings.ts";
import { loadNative } from "../../src/native.ts";
import { cases, openCase, type TuneCase } from "./cases.ts";
import { fullEffort, measureCase } from "./measure-case.ts";
import { reportMarkdown } from "./report.ts";
import { type CaseResult, readResults } from "./result.ts";

const { values } = parseArgs({
  options: {
    out: { type: "string", default: "bench/results/tune" },
    only: { type: "string", multiple: true },
    core: { type: "string", default: String(defaultCore()) },
    again: { type: "boolean", default: false },
  },
});
const folder = values.out;
const file = join(folder, "results.json");

async function main(): Promise<void> {
  mkdirSync(folder, { recursive: true });
  loadNative().addon?.setAffinity(Number(values.core));
  const wanted = cases.filter((one) => values.only === undefined || values.only.includes(one.name));
  const results = readResults(file);
  const bar = new ProgressBar();
  for (const [i, one] of wanted.entries()) {
    if (results.some((result) => result.name === one.name) && !values.again) continue;
    const result = await runCase(one, (share, what) =>
      bar.show((i + share) / wanted.length, `${one.name}: ${what}`),
    );
    bar.clear();
    process.stderr.write(`${summary(result)}\n`);
    const at = results.findIndex((other) => other.name === one.name);
    if (at >= 0) results[at] = result;
    else results.push(result);
    writeFileSync(file, `${JSON.stringify(results)}\n`);
  }
  const order = cases.map((one) => one.name);
  results.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  const report = reportMarkdown(results);
  writeFileSync(join(folder, "README.md"), report);
  process.stdout.write(report);
}

async function runCase(one: TuneCase, progress: (share: number, what: string) => void): Promise<CaseResult> {
  const lab = await openCase(one, defaultSettings);
  try {
    return await measureCase(one, lab, defaultSettings, fullEffort, progress);
  } finally {
    await lab.close();
  }
}

function summary(result: CaseResult): string {
  const worst = (of: (row: CaseResult["rows"][number]) => number): string =>
    Math.max(...result.rows.map(of)).toFixed(3);
  const hits = worst((row) => Math.abs(row.predictedHit - row.measuredHit));
  const rate = worst((row) => Math.abs(row.predictedMpps / row.measuredMpps - 1));
  return `${result.name}: hit rate off by ${hits}, rate by ${rate}, recommended/best ${result.recommendedShare.toFixed(3)}`;
}

await main();
