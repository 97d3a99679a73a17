// Does `megaflow bench --compare` tell the truth? Measures the present build twice, and a build slowed by
// 10 % on purpose: the verdicts must be "no difference" and "slower". Exit status 1 when they are not.
//
//   npm run bench:self-check -- [--workload f1k-m16] [--core 1] [--seconds 1.5] [--runs 6]
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { parseArgs, promisify } from "node:util";
import { measureClockGhz } from "../../src/bench/clock-speed.ts";
import { type BenchResult, parseResults } from "../../src/bench/result.ts";
import { cycleCounter } from "../../src/pmd/cycle-counter.ts";
import { projectFile } from "../../src/project.ts";
import { buildSlowDatapath, stepsFor } from "./slow-build.ts";

const run = promisify(execFile);
const SLOWER_BY = 0.1;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      workload: { type: "string", default: "f1k-m16" },
      core: { type: "string" },
      seconds: { type: "string" },
      runs: { type: "string" },
    },
  });
  mkdirSync(projectFile("build/bench"), { recursive: true });
  const before = projectFile("build/bench/before.json");
  const common = Object.entries(values).flatMap(([name, value]) => [`--${name}`, value]);
  const first = await bench([...common, "--json"]);
  writeFileSync(before, first.stdout);
  const same = await bench([...common, "--compare", before, "--json"]);
  process.stdout.write(`the same build: ${same.stderr.trim()}\n`);

  const slow = projectFile("build/bench/slow.wasm");
  buildSlowDatapath(slowingSteps(parseResults(first.stdout, before)[0]!), slow);
  const slower = await bench([...common, "--compare", before, "--json"], { MEGAFLOW_DATAPATH: slow });
  process.stdout.write(`slowed by ${SLOWER_BY * 100} %: ${slower.stderr.trim()}\n`);
  const honest = same.stderr.includes("no difference") && slower.stderr.includes(": slower");
  process.exitCode = honest ? 0 : 1;
}

/** Rounds of work a batch that slow the build down by SLOWER_BY, by what a packet took in the calmest window. */
function slowingSteps({ windows, environment }: BenchResult): number {
  const packets = windows.flat().flatMap(({ yardstick }) => (yardstick === undefined ? [] : [yardstick]));
  const calmest = packets.sort((x, y) => x.block - y.block)[0];
  if (calmest === undefined) throw new Error("no window of the measurement had a steady moment");
  const ns = calmest.packet / cycleCounter().ghz;
  return stepsFor(SLOWER_BY, ns, environment.settings.batch, measureClockGhz());
}

/** Runs the command; an exit status of 1 is a verdict. */
async function bench(
  args: string[],
  env: Record<string, string> = {},
): Promise<{ stdout: string; stderr: string }> {
  const command = ["--import", "tsx", projectFile("src/cli/main.ts"), "bench", ...args];
  const options = { cwd: projectFile("."), env: { ...process.env, ...env }, maxBuffer: 1 << 26 };
  return run(process.execPath, command, options).catch(
    (error: { code?: number; stdout: string; stderr: string }) => {
      if (error.code !== 1 || error.stdout === "") throw error;
      return error;
    },
  );
}

await main();
