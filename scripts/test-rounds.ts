// Runs test files beside each other; under CI those that failed once more, each alone, to tell a test that a busy
// machine disturbs from one that is wrong. What passes the second time is named loudly, as it has to be repaired.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { type FileRun, runTestFile } from "./test-file.ts";

/** Folder of what the files printed, from the root. */
const LOGS = "build/test-output";

/** What to run, and for how long. */
export interface RoundOptions {
  /** Folder that files are given from. */
  readonly root: string;
  /** Files at a time. */
  readonly concurrency: number;
  /** Under CI: failed files have a second chance, and nothing may be skipped. */
  readonly ci: boolean;
  /** Longest that one file may take, in ms. */
  readonly fileTimeoutMs: number;
  /** After that long no file of the first round runs any more, in ms from now. */
  readonly firstRoundMs: number;
  /** The same for both rounds together, in ms from now. */
  readonly totalMs: number;
  /** Whether to print what files print that pass. */
  readonly verbose: boolean;
  readonly print: (text: string) => void;
}

/** How it ended. */
export interface RoundsResult {
  /** Exit status. */
  readonly status: number;
  /** "N passed, N failed", and ", N skipped" where some are; each test once, as it was in the end. */
  readonly counts: string;
}

/** Runs the files. */
export async function runRounds(files: readonly string[], options: RoundOptions): Promise<RoundsResult> {
  const { print, root, ci } = options;
  rmSync(join(root, LOGS), { recursive: true, force: true });
  const started = performance.now();
  const left = (ms: number): number => ms - (performance.now() - started);

  const first = await round(files, 1, options.concurrency, () => left(options.firstRoundMs), options);
  const failed = first.filter((run) => run.failed > 0);
  const again = ci ? failed.map(({ file }) => file) : [];
  if (again.length > 0) {
    print(`\n${again.length} of ${files.length} files failed; once more, each alone:\n`);
  }
  const second = await round(again, 2, 1, () => left(options.totalMs), options);
  const last = first.map((run) => second.find(({ file }) => file === run.file) ?? run);
  for (const run of second) if (run.failed === 0) print(flakeText(first, run));
  return conclude(last, options);
}

/** Files in order, `concurrency` at a time; `left` tells the time that there is yet. */
async function round(
  files: readonly string[],
  number: number,
  concurrency: number,
  left: () => number,
  options: RoundOptions,
): Promise<FileRun[]> {
  const runs: FileRun[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < files.length; index = next++) {
      const file = files[index]!;
      const timeoutMs = Math.min(options.fileTimeoutMs, left());
      const run =
        timeoutMs > 0
          ? await runTestFile(file, { root: options.root, timeoutMs, log: logOf(file, number) })
          : notRun(file);
      runs[index] = run;
      options.print(runText(run, options.verbose));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return runs;
}

function logOf(file: string, number: number): string {
  return `${LOGS}/${file.replaceAll("/", "-")}.${number}.txt`;
}

function notRun(file: string): FileRun {
  const failures = [`${file}: not run, as the time for all tests is over`];
  return { file, passed: 0, failed: 1, skipped: 0, failures, skips: [], output: "", seconds: 0 };
}

function runText(run: FileRun, verbose: boolean): string {
  const { file, passed, failed, skipped, seconds } = run;
  const numbers = [
    `${passed} passed`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ];
  const line = `${failed > 0 ? "✖" : "✔"} ${file} (${numbers.join(", ")}, ${seconds.toFixed(1)} s)\n`;
  if (failed === 0 && !verbose) return line;
  return `${run.output}${line}${run.failures.map((name) => `  failed: ${name}\n`).join("")}`;
}

/** What passed alone, with what failed in the round before it and where both outputs are. */
function flakeText(first: readonly FileRun[], passed: FileRun): string {
  const before = first.find(({ file }) => file === passed.file)!;
  const bar = "!".repeat(100);
  const lines = [
    `FAILED BESIDE OTHERS, PASSED ALONE: ${passed.file}`,
    ...before.failures.map((name) => `  ${name}`),
    "It counts as passed, but a busy machine breaks it: its cause has to be found. What it printed each time:",
    `  ${logOf(passed.file, 1)}`,
    `  ${logOf(passed.file, 2)}`,
  ];
  const output = (run: FileRun, when: string) => `---- ${when}\n${run.output.trimEnd()}\n`;
  return [
    `\n${bar}\n${lines.join("\n")}\n`,
    output(before, "beside others"),
    output(passed, "alone"),
    `${bar}\n`,
  ].join("");
}

function conclude(runs: readonly FileRun[], { ci, print }: RoundOptions): RoundsResult {
  const sum = (of: (run: FileRun) => number): number => runs.reduce((total, run) => total + of(run), 0);
  const [passed, failed, skipped] = [sum((r) => r.passed), sum((r) => r.failed), sum((r) => r.skipped)];
  for (const { failures } of runs) for (const name of failures) print(`failed: ${name}\n`);
  const refuses = ci && skipped > 0;
  if (refuses) {
    for (const { skips } of runs) for (const skip of skips) print(`skipped: ${skip}\n`);
    print("under CI=true nothing may be skipped\n");
  }
  const counts = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
  return { status: refuses || failed > 0 || passed === 0 ? 1 : 0, counts };
}
