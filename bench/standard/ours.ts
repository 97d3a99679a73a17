// Our side of a case: a fresh `megaflow bench` process, as Open vSwitch's side is a fresh vswitchd.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { BenchResult } from "../../src/bench/result.ts";
import { projectFile } from "../../src/project.ts";
import type { StandardCase } from "./cases.ts";

const run = promisify(execFile);

/** Where and how long. */
export interface OursOptions {
  readonly core: number;
  readonly warmup: number;
  readonly windows: number;
  /** Seconds of one window. */
  readonly seconds: number;
}

/** Measures a case once. */
export async function measureOurs(one: StandardCase, options: OursOptions): Promise<BenchResult> {
  const args = [
    "--workload",
    one.workload,
    "--profile",
    one.profile,
    "--core",
    String(options.core),
    "--json",
  ];
  args.push("--windows", String(options.windows), "--seconds", String(options.windows * options.seconds));
  args.push("--warmup", String(options.warmup), "--ports", "3", "--runs", "1");
  for (const setting of one.settings) args.push("--set", setting);
  if (one.fifo) args.push("--fifo");
  const command = ["--import", "tsx", projectFile("src/cli/main.ts"), "bench", ...args];
  const { stdout } = await run(process.execPath, command, { cwd: projectFile("."), maxBuffer: 1 << 26 });
  return { ...(JSON.parse(stdout) as BenchResult), name: one.name };
}
