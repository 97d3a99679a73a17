// Runs the tests: builds what is stale, finds the files, refuses to find none, and ends with the counts.
//
//   npm test [-- PART-OF-A-PATH ...]
//
// Under CI=true a skipped test is a failure: there, everything that a test needs has to be there.

import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { projectFile } from "../src/project.ts";
import { buildStale } from "./build-stale.ts";

/** Longest that one test file may take, in ms: what hangs must not hang the run, and what is slow on a busy machine must end. */
const FILE_TIMEOUT_MS = 1_800_000;
const { CI } = process.env;
/** What the runner says in a form to read, and the one line that .ci/run repeats at its end. */
const REPORT = projectFile("build/test-report.tap");
const COUNTS = projectFile("build/test-counts.txt");

process.exitCode = runTests(process.argv.slice(2));

function runTests(filters: readonly string[]): number {
  const files = testFiles(filters);
  if (files.length === 0) {
    process.stderr.write(
      `no test file${filters.length > 0 ? ` has ${filters.join(" or ")} in its path` : " found"}\n`,
    );
    return 1;
  }
  const buildStatus = buildStale();
  if (buildStatus !== 0) return buildStatus;

  mkdirSync(projectFile("build"), { recursive: true });
  const args = [
    "--import=tsx",
    "--test",
    `--test-concurrency=${availableParallelism()}`,
    `--test-timeout=${FILE_TIMEOUT_MS}`,
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    "--test-reporter=tap",
    `--test-reporter-destination=${REPORT}`,
    ...files,
  ];
  const status = spawnSync(process.execPath, args, { cwd: projectFile("."), stdio: "inherit" }).status ?? 1;
  return conclude(status, readFileSync(REPORT, "utf8"));
}

/** Paths from the project's root, in order. */
function testFiles(filters: readonly string[]): string[] {
  const names = readdirSync(projectFile("test"), { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => join("test", name))
    .filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter)))
    .sort();
}

/** Prints the counts and what CI does not accept; returns the exit status. */
function conclude(status: number, report: string): number {
  const count = (name: string): number =>
    Number(new RegExp(`^# ${name} (\\d+)$`, "m").exec(report)?.[1] ?? 0);
  const skippedNames = [...report.matchAll(/^\s*ok \d+ - (.*) # SKIP ?(.*)$/gm)].map(
    ([, name, reason]) => `skipped: ${name}${reason === "" ? "" : ` (${reason})`}`,
  );
  const failed = count("fail") + count("cancelled");
  const refuses = CI === "true" && skippedNames.length > 0;
  if (refuses) process.stdout.write(`${skippedNames.join("\n")}\nunder CI=true nothing may be skipped\n`);
  const skipped = count("skipped");
  const line = `${count("pass")} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`;
  writeFileSync(COUNTS, line);
  process.stdout.write(line);
  if (count("pass") + failed === 0) return 1;
  return refuses || failed > 0 ? 1 : status;
}
