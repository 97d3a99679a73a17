// Time and memory of `megaflow tune` itself on a capture of a million packets, as the built command.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectFile } from "../../src/project.ts";
import type { PredictionCost } from "./result.ts";

const command = projectFile("dist/src/cli/main.js");
/** Time between two looks at the memory. */
const LOOK_MS = 10;
const workloads = [
  { name: "a million connections, uniform", options: ["--flows", "1M", "--masks", "16"] },
  {
    name: "100,000 connections, Zipf 1, churn 2 %",
    options: ["--flows", "100k", "--masks", "64", "--zipf", "1", "--churn", "0.02"],
  },
];

interface Ran {
  readonly output: string;
  /** Most memory that it had resident, in bytes. */
  readonly peak: number;
}

/** Generates both captures and predicts for them. Rejects when the command is not built or fails. */
export async function measurePredictionCost(progress: (share: number) => void): Promise<PredictionCost[]> {
  const folder = mkdtempSync(join(tmpdir(), "megaflow-tune-"));
  const costs: PredictionCost[] = [];
  try {
    for (const [i, { name, options }] of workloads.entries()) {
      const generated = ["--packets", "1M", "--out-dir", folder];
      await run(["bench", "gen", "f1m-m1", ...options, ...generated]);
      const file = join(folder, "f1m-m1");
      const { output, peak } = await run([
        "tune",
        "--pcap",
        `${file}.pcap`,
        "--flows",
        `${file}.flows`,
        "--json",
      ]);
      const { traffic, tookMs, sizes } = JSON.parse(output) as TuneJson;
      costs.push({
        name,
        packets: traffic.packets,
        connections: traffic.connections,
        sizes: sizes.length,
        learnMs: tookMs.learn,
        predictMs: tookMs.record + tookMs.predict,
        calibrateMs: tookMs.calibrate,
        peakBytes: peak,
      });
      progress((i + 1) / workloads.length);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return costs;
}

interface TuneJson {
  readonly traffic: { readonly packets: number; readonly connections: number };
  readonly sizes: readonly unknown[];
  readonly tookMs: { learn: number; record: number; predict: number; calibrate: number };
}

async function run(args: readonly string[]): Promise<Ran> {
  const child = spawn(process.execPath, [command, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  let peak = 0;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const look = setInterval(() => {
    peak = Math.max(peak, peakOf(child.pid as number));
  }, LOOK_MS);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  }).finally(() => clearInterval(look));
  if (status !== 0) throw new Error(`megaflow ${args[0]} ended with ${status}: ${errors.trim()}`);
  return { output, peak };
}

/** Most memory that a process has had resident; 0 when it has ended. */
function peakOf(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
