// Our side of a case: a fresh `megaflow bench` process, as Open vSwitch's side is a fresh vswitchd.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { BenchResult } from "../../src/bench/result.ts";
import { projectFile } from "../../src/project.ts";
import { UsageMistake } from "../command.ts";
import type { StandardCase } from "./cases.ts";

const run = promisify(execFile);

/** Where and how long. */
export interface OursOptions {
  readonly core: number;
  readonly warmup: number;
  readonly windows: number;
  /** Seconds of one window. */
  readonly seconds: number;
  /** Disturbed windows that are measured again, at most. */
  readonly again: number;
}

/** Measures a case once, with this Node or another. */
export async function measureOurs(
  one: StandardCase,
  options: OursOptions,
  node: string = process.execPath,
): Promise<BenchResult> {
  const args = ["--workload", one.workload, "--profile", one.profile, "--core", String(options.core)];
  for (const setting of one.settings) args.push("--set", setting);
  if (one.fifo) args.push("--fifo");
  const [result] = await runBench(args, options, node);
  return { ...result!, name: one.name };
}

/** Runs `megaflow bench` once and returns its results. */
export async function runBench(
  args: readonly string[],
  { windows, seconds, warmup, again }: OursOptions,
  node: string = process.execPath,
): Promise<BenchResult[]> {
  const times = { windows, seconds: windows * seconds, warmup, again, ports: 3, runs: 1 };
  const timing = Object.entries(times).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const command = ["--import", "tsx", projectFile("src/cli/main.ts"), "bench", ...args, ...timing, "--json"];
  const { stdout } = await run(node, command, { cwd: projectFile("."), maxBuffer: 1 << 26 });
  const result = JSON.parse(stdout) as BenchResult | BenchResult[];
  return Array.isArray(result) ? result : [result];
}

/** The version of another Node. Throws UsageMistake when it is none, or can't be started. */
export async function nodeVersion(node: string): Promise<string> {
  let version = "";
  try {
    version = (await run(node, ["--version"])).stdout.trim();
  } catch (cause) {
    throw new UsageMistake(`--node ${node}: it can't be started: ${(cause as Error).message}`);
  }
  if (/^v\d+\./.test(version)) return version;
  throw new UsageMistake(`--node ${node}: not the binary of a Node, its version is "${version}"`);
}
