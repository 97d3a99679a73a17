// Runs one test file in a process of its own and says what became of its tests.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Time between the signal that a process may answer and the one that it can't, in ms. */
const GRACE_MS = 5000;

/** What one run of a file came to. */
export interface FileRun {
  /** From the root. */
  readonly file: string;
  /** Tests; suites don't count. */
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** What failed, by name, outermost first; the file itself, with the reason, when it did not run to its end. */
  readonly failures: readonly string[];
  /** Skipped tests with their reasons. */
  readonly skips: readonly string[];
  /** Everything that it printed. */
  readonly output: string;
  readonly seconds: number;
}

/** Where and how to run. */
export interface FileOptions {
  /** Folder that files are given from. */
  readonly root: string;
  /** The process is ended after that long, in ms. */
  readonly timeoutMs: number;
  /** Written with what was printed, from the root. */
  readonly log: string;
}

/** Runs one file; never rejects. */
export async function runTestFile(file: string, options: FileOptions): Promise<FileRun> {
  const folder = mkdtempSync(join(tmpdir(), "megaflow-test-"));
  const tap = join(folder, "tap");
  const started = performance.now();
  try {
    const { output, ending } = await runProcess(testArguments(file, tap), options);
    const log = join(options.root, options.log);
    mkdirSync(dirname(log), { recursive: true });
    writeFileSync(log, output);
    const seconds = (performance.now() - started) / 1000;
    return { file, output, seconds, ...outcome(file, readReport(tap), ending) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function testArguments(file: string, tap: string): string[] {
  const toScreen = ["--test-reporter=spec", "--test-reporter-destination=stdout"];
  const toFile = ["--test-reporter=tap", `--test-reporter-destination=${tap}`];
  return [...toScreen, ...toFile, "--import=tsx", file];
}

/** `ending` says how the process ended when that was not well. */
function runProcess(
  args: string[],
  { root, timeoutMs }: FileOptions,
): Promise<{ output: string; ending: string | undefined }> {
  // Set where this runs inside a test: the file would report to that test's runner.
  const { NODE_TEST_CONTEXT: _context, ...env } = process.env;
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => chunks.push(bytes));
  // A runner that is told to end takes the file with it.
  const onExit = () => child.kill("SIGTERM");
  process.once("exit", onExit);
  let late = false;
  const timers = [
    setTimeout(() => {
      late = true;
      child.kill("SIGTERM");
    }, timeoutMs),
    setTimeout(() => child.kill("SIGKILL"), timeoutMs + GRACE_MS),
  ];
  return new Promise((resolve) => {
    const end = (ending: string | undefined) => {
      for (const timer of timers) clearTimeout(timer);
      process.off("exit", onExit);
      // What the file left running may hold the pipes open.
      child.stdout.destroy();
      child.stderr.destroy();
      resolve({ output: Buffer.concat(chunks).toString(), ending });
    };
    child.once("error", (error) => end(String(error)));
    child.once("exit", (code, signal) => {
      const tooLate = `ended after ${timeoutMs / 1000} s`;
      const how = signal === null ? `exit status ${code}` : `killed by ${signal}`;
      const ending = late ? tooLate : code === 0 ? undefined : how;
      // Its last words are in the pipes yet.
      const waited = setTimeout(() => end(ending), GRACE_MS);
      timers.push(waited);
      child.once("close", () => end(ending));
    });
  });
}

function readReport(tap: string): string {
  try {
    return readFileSync(tap, "utf8");
  } catch {
    return "";
  }
}

type Outcome = Pick<FileRun, "passed" | "failed" | "skipped" | "failures" | "skips">;

/** Reads what the tests reported; a file that did not end well without a test that says why has failed itself. */
function outcome(file: string, tap: string, ending: string | undefined): Outcome {
  const count = (name: string): number | undefined => {
    const found = new RegExp(`^# ${name} (\\d+)$`, "m").exec(tap);
    return found === null ? undefined : Number(found[1]);
  };
  const counts = {
    passed: count("pass") ?? 0,
    failed: (count("fail") ?? 0) + (count("cancelled") ?? 0),
    skipped: count("skipped") ?? 0,
  };
  const failures = failedTests(tap);
  const skips = [...tap.matchAll(/^\s*ok \d+ - (.*) # SKIP ?(.*)$/gm)].map(
    ([, name, reason]) => `${name}${reason === "" ? "" : ` (${reason})`}`,
  );
  const complete = count("tests") !== undefined;
  if (complete && (ending === undefined || counts.failed > 0)) return { ...counts, failures, skips };
  const reason = `${file}: ${ending ?? "ended before its tests did"}`;
  return { ...counts, failed: counts.failed + 1, failures: [...failures, reason], skips };
}

/** Names of the tests that failed by themselves, not by what they contain. */
function failedTests(tap: string): string[] {
  const names: string[] = [];
  const path: string[] = [];
  for (const line of tap.split("\n")) {
    const started = /^( *)# Subtest: (.*)$/.exec(line);
    if (started !== null) {
      path.length = started[1]!.length / 4;
      path.push(started[2]!);
    }
    const failed = /^( *)not ok \d+ - (.*)$/.exec(line);
    if (failed !== null) names.push([...path.slice(0, failed[1]!.length / 4), failed[2]].join(" > "));
    if (/^ *failureType: 'subtestsFailed'$/.test(line)) names.pop();
  }
  return names;
}
