// The price of WebAssembly: the same stages over the same packets, megaflows and layout in WebAssembly and
// in C, both alone on one core, in turns.
//
//   tsx bench/twin/compare.ts [WORKLOAD ...] [--core 1] [--rounds 2] [--windows 3] [--seconds 0.5] [--json]
import { parseArgs } from "node:util";
import { FrameStore } from "../../src/bench/pipeline/frame-store.ts";
import { learnMegaflows } from "../../src/bench/pipeline/learn.ts";
import { Pipeline } from "../../src/bench/pipeline/pipeline.ts";
import type { PipelineInput } from "../../src/bench/pipeline/prepared-pmd.ts";
import { plainTable, type Table } from "../../src/bench/report/table.ts";
import { median } from "../../src/bench/statistics.ts";
import { readThreadTimes, runningShare } from "../../src/bench/thread-time.ts";
import { workloadRules } from "../../src/bench/workload/generate.ts";
import { presets } from "../../src/bench/workload/presets.ts";
import { completeSpec, type WorkloadSpec } from "../../src/bench/workload/spec.ts";
import { findProfile, resolveSettings } from "../../src/config/profiles.ts";
import type { Settings } from "../../src/config/settings.ts";
import { loadNative } from "../../src/native.ts";
import { profileBetween } from "../../src/pmd/stage-profiler.ts";
import { datapathStages } from "../../src/pmd/stages.ts";
import { twinCompiler, twinMissing } from "./build.ts";
import { runTwin, type TwinResult } from "./run.ts";

/** Both sides on one workload; cycles are TSC cycles a packet. */
export interface TwinComparison {
  readonly name: string;
  readonly wasmNs: number;
  readonly cNs: number;
  /** WebAssembly's time over C's. */
  readonly ratio: number;
  readonly stages: readonly { readonly stage: string; readonly wasm: number; readonly c: number }[];
  readonly megaflows: number;
  /** Fingerprint of one pass, the same on both sides. */
  readonly digest: string;
  readonly compiler: string;
}

/** How both sides are run. */
export interface CompareOptions {
  readonly core: number;
  readonly rounds: number;
  readonly windows: number;
  readonly seconds: number;
  readonly settings?: Settings;
}

const WARMUP_SECONDS = 2;
/** Highest port that a workload's rules send to. */
const PORTS = 3;

/** Runs both sides in turns, on this thread and core. Throws when they do not send the same bytes. */
export async function compareTwin(
  name: string,
  spec: WorkloadSpec,
  options: CompareOptions,
): Promise<TwinComparison> {
  const { addon } = loadNative();
  addon?.setAffinity(options.core);
  try {
    return await compareHere(name, spec, options);
  } finally {
    // What is started later, in processes of their own, would have this core alone.
    addon?.clearAffinity();
  }
}

async function compareHere(
  name: string,
  spec: WorkloadSpec,
  options: CompareOptions,
): Promise<TwinComparison> {
  const settings = options.settings ?? resolveSettings(findProfile("default"));
  const frames = FrameStore.ofWorkload(spec);
  const rules = [...workloadRules(spec)].join("\n");
  const megaflows = await learnMegaflows({ rules, frames, settings, ports: PORTS, inPort: 1 });
  const input: PipelineInput = {
    frames,
    megaflows,
    settings,
    seed: 1n,
    ports: PORTS,
    inPort: 1,
    fifoFrames: false,
  };
  const pipeline = new Pipeline(input);
  const pass = pipeline.checkPass();
  const wasm: number[] = [];
  const twins: TwinResult[] = [];
  // Until V8 has moved the stages, which run one by one only when they are timed, into optimised code.
  pipeline.window(WARMUP_SECONDS);
  const before = pipeline.profile;
  for (let round = 0; round < options.rounds; round++) {
    pipeline.window(options.seconds / 2);
    for (let i = 0; i < options.windows; i++) wasm.push(correctedWindow(pipeline, options.seconds));
    const { core, windows, seconds } = options;
    twins.push(await runTwin(input, { core, windows, seconds, warmup: seconds }));
  }
  for (const twin of twins) {
    if (twin.digest !== pass.digest || twin.sent !== pass.sent || twin.misses !== pass.misses) {
      throw new Error(
        `${name}: WebAssembly and C do not send the same bytes: ${JSON.stringify([pass, twin])}`,
      );
    }
  }
  const wasmNs = 1e9 / median(wasm);
  const cNs = 1e9 / median(twins.flatMap((twin) => twin.windows));
  const profile = profileBetween(before, pipeline.profile);
  const stages = datapathStages.map((stage, i) => ({
    stage: stage.title,
    wasm: profile.cycles[i]! / profile.packets,
    c: median(twins.map((twin) => twin.stages[stage.name]!)),
  }));
  const ratio = wasmNs / cNs;
  const compiler = twinCompiler();
  return { name, wasmNs, cNs, ratio, stages, megaflows: megaflows.length, digest: pass.digest, compiler };
}

/** The comparison as tables: nanoseconds, and the ratio of every stage. */
export function twinTable(comparisons: readonly TwinComparison[]): Table {
  return {
    titles: ["workload", "WASM ns", "C ns", "ratio", ...datapathStages.map((stage) => stage.title)],
    rows: comparisons.map((one) => [
      one.name,
      one.wasmNs.toFixed(1),
      one.cNs.toFixed(1),
      one.ratio.toFixed(2),
      ...one.stages.map(({ wasm, c }) => `${wasm.toFixed(0)} / ${c.toFixed(0)} = ${(wasm / c).toFixed(2)}`),
    ]),
  };
}

/** Packets a second, less what other processes took of the core. */
function correctedWindow(pipeline: Pipeline, seconds: number): number {
  const threads = readThreadTimes();
  const start = performance.now();
  const rate = pipeline.window(seconds);
  return rate / runningShare(threads, readThreadTimes(), 1, (performance.now() - start) / 1000);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      core: { type: "string", default: "1" },
      rounds: { type: "string", default: "2" },
      windows: { type: "string", default: "3" },
      seconds: { type: "string", default: "0.5" },
      json: { type: "boolean", default: false },
    },
  });
  const missing = twinMissing();
  if (missing !== undefined) throw new Error(missing);
  const comparisons: TwinComparison[] = [];
  for (const name of positionals.length > 0 ? positionals : ["f1k-m1", "f1k-m64"]) {
    const preset = presets[name];
    if (preset === undefined) throw new Error(`unknown workload "${name}"`);
    const options = {
      core: Number(values.core),
      rounds: Number(values.rounds),
      windows: Number(values.windows),
      seconds: Number(values.seconds),
    };
    comparisons.push(await compareTwin(name, completeSpec(preset), options));
  }
  process.stdout.write(
    values.json ? `${JSON.stringify(comparisons)}\n` : `${plainTable(twinTable(comparisons)).join("\n")}\n`,
  );
}

if (process.argv[1] === import.meta.filename) await main();
