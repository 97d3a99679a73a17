// Runs the twin on the same trace, megaflows and memory layout as the WebAssembly datapath, and compares.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { PassCheck } from "../../src/bench/pipeline/pipeline.ts";
import type { PipelineInput } from "../../src/bench/pipeline/prepared-pmd.ts";
import { writeTwinImage } from "../../src/bench/pipeline/twin-image.ts";
import { buildTwin } from "./build.ts";

const run = promisify(execFile);

/** How long and where the twin runs. */
export interface TwinOptions {
  readonly core: number;
  readonly warmup: number;
  readonly windows: number;
  readonly seconds: number;
}

/** What the twin says. */
export interface TwinResult extends PassCheck {
  readonly tscGhz: number;
  /** Packets a second, window by window. */
  readonly windows: readonly number[];
  /** Cycles a packet by stage. */
  readonly stages: Readonly<Record<string, number>>;
}

/** Builds the twin where it must be, and runs it. */
export async function runTwin(input: PipelineInput, options: TwinOptions): Promise<TwinResult> {
  const program = buildTwin();
  const folder = mkdtempSync(join(tmpdir(), "megaflow-twin-"));
  try {
    const image = join(folder, "image");
    const commands = join(folder, "commands");
    const control = writeTwinImage(input, image, commands);
    const { core, warmup, windows, seconds } = options;
    const args = [image, commands, ...[control, core, warmup, windows, seconds].map(String)];
    const { stdout } = await run(program, args);
    return JSON.parse(stdout) as TwinResult;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
