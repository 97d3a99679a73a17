// Does `megaflow bench --compare` tell the truth? Measures the present build twice, and a build slowed by
// 10 % on purpose: the verdicts must be "no difference" and "slower". Exit status 1 when they are not.
//
//   npm run bench:self-check -- [--workload f1k-m16] [--core 1] [--seconds 5] [--runs 3]
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs, promisify } from "node:util";
import { measureClockGhz } from "../../src/bench/clock-speed.ts";
import { correctedRates, parseResults } from "../../src/bench/result.ts";
import { median } from "../../src/bench/statistics.ts";
import { projectFile } from "../../src/project.ts";
import { buildSlowDatapath, stepsFor } from "./slow-build.ts";

const run = promisify(execFile);
const SLOWER_BY = 0.1;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      workload: { type: "string", default: "f1k-m16" },
      core: { type: "string", default: "1" },
      seconds: { type: "string", default: "5" },
      runs: { type: "string", default: "3" },
    },
  });
  mkdirSync(projectFile("build/bench"), { recursive: true });
  const before = projectFile("build/bench/before.json");
  const common = [
    "--workload",
    values.workload,
    "--core",
    values.core,
    "--seconds",
    values.seconds,
    "--runs",
    values.runs,
  ];
  const first = await bench([...common, "--json"]);
  writeFileSync(before, first.stdout);
  const same = await bench([...common, "--compare", before, "--json"]);
  process.stdout.write(`the same build: ${same.stderr.trim()}\n`);

  const result = parseResults(readFileSync(before, "utf8"), before)[0]!;
  const ns = 1000 / median(correctedRates(result).flat());
  const steps = stepsFor(SLOWER_BY, ns, result.environment.settings.batch, measureClockGhz());
  const slow = projectFile("build/bench/slow.wasm");
  buildSlowDatapath(steps, slow);
  const slower = await bench([...common, "--compare", before, "--json"], { MEGAFLOW_DATAPATH: slow });
  process.stdout.write(`slowed by ${SLOWER_BY * 100} %: ${slower.stderr.trim()}\n`);
  const honest = same.stderr.includes("no difference") && slower.stderr.includes(": slower");
  process.exitCode = honest ? 0 : 1;
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
