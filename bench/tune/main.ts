// `npm run bench:tune`: predicts every size for every case, measures every size, and writes the two side by
// side; then what the adviser itself costs. A run that is cut off goes on where it was: what is in the results is
// not done again.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { LoadWatch, readEnvironment } from "../../src/bench/environment.ts";
import { defaultCore } from "../../src/cli/environment.ts";
import { ProgressBar } from "../../src/cli/progress-bar.ts";
import { defaultSettings } from "../../src/config/settings.ts";
import { loadNative } from "../../src/native.ts";
import { cases, openCase, type TuneCase } from "./cases.ts";
import { efforts, measureCase } from "./measure-case.ts";
import { measurePredictionCost } from "./prediction-cost.ts";
import { reportMarkdown } from "./report.ts";
import { type CaseResult, readResults, type TuneResults } from "./result.ts";
import { measureSamplingCost } from "./sampling-cost.ts";

const { values } = parseArgs({
  options: {
    out: { type: "string", default: "bench/results/tune" },
    only: { type: "string", multiple: true },
    core: { type: "string", default: String(defaultCore()) },
    again: { type: "boolean", default: false },
    /** `smoke` shows in seconds that it runs; its figures are worth nothing. */
    effort: { type: "string", default: "full" },
  },
});
const file = join(values.out, "results.json");
const effort = efforts[values.effort as keyof typeof efforts];
if (effort === undefined)
  throw new RangeError(`--effort ${values.effort}: one of ${Object.keys(efforts).join(", ")}`);

/**
 * The masks keep their order: a ranking makes the mask cache learn anew, once a second, which is nothing among the
 * packets of a second and much among those of a window that falls on it.
 */
const settings = { ...defaultSettings, "rank.intervalMs": 0 };

async function main(): Promise<void> {
  mkdirSync(values.out, { recursive: true });
  const watch = new LoadWatch();
  const bar = new ProgressBar();
  const wanted = cases.filter((one) => values.only === undefined || values.only.includes(one.name));
  const results = remaining(readResults(file), wanted);
  if (values.only === undefined && results.prediction === undefined) {
    results.prediction = await measurePredictionCost((share) =>
      bar.show(share * 0.02, "a million packets: predicting"),
    );
    save(results, watch);
  }
  loadNative().addon?.setAffinity(Number(values.core));
  for (const [i, one] of wanted.entries()) {
    if (results.cases.some((result) => result.name === one.name)) continue;
    const result = await runCase(one, (share, what) =>
      bar.show(0.02 + (0.96 * (i + share)) / wanted.length, `${one.name}: ${what}`),
    );
    bar.clear();
    process.stderr.write(`${summary(result)}\n`);
    results.cases.push(result);
    save(results, watch);
  }
  if (values.only === undefined && results.sampling === undefined) {
    results.sampling = await measureSamplingCost(settings, effort.samplingTurns, (share) =>
      bar.show(0.98 + 0.02 * share, "sampling on and off"),
    );
    save(results, watch);
  }
  bar.clear();
  const order = cases.map((one) => one.name);
  results.cases.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  const report = reportMarkdown(results);
  writeFileSync(join(values.out, "README.md"), report);
  process.stdout.write(report);
}

/** What stays of earlier results: with --again nothing of what is wanted. */
function remaining(results: TuneResults, wanted: readonly TuneCase[]): TuneResults {
  if (!values.again) return results;
  if (values.only === undefined) return { cases: [] };
  return { ...results, cases: results.cases.filter(({ name }) => !wanted.some((one) => one.name === name)) };
}

function save(results: TuneResults, watch: LoadWatch): void {
  results.environment = readEnvironment(watch.others());
  writeFileSync(file, `${JSON.stringify(results)}\n`);
}

async function runCase(one: TuneCase, progress: (share: number, what: string) => void): Promise<CaseResult> {
  const lab = await openCase(one, settings);
  try {
    return await measureCase(one, lab, settings, effort, progress);
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
