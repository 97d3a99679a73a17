// Runs the tests: builds what is stale, finds the files, refuses to find none, and ends with the counts.
//
//   npm test [-- PART-OF-A-PATH ...]
//
// Under CI=true a skipped test is a failure, as everything that a test needs has to be there, and a file that fails
// beside others runs once more alone. What every file printed is in build/test-output.

import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { projectFile } from "../src/project.ts";
import { buildStale } from "./build-stale.ts";
import { runRounds } from "./test-rounds.ts";

const MINUTE_MS = 60_000;
/** Longest that one test file may take: what hangs must not hang the run, and what is slow on a busy machine must end. */
const FILE_TIMEOUT_MS = 30 * MINUTE_MS;
/** CI stops after 90 minutes, of which installing and checking take some. */
const FIRST_ROUND_MS = 55 * MINUTE_MS;
const TOTAL_MS = 75 * MINUTE_MS;
/** Up to that many files, what they print is shown. */
const SHOWN_FILES = 5;
/** The one line that .ci/run repeats at its end. */
const COUNTS = projectFile("build/test-counts.txt");

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));
process.exitCode = await runTests(process.argv.slice(2));

async function runTests(filters: readonly string[]): Promise<number> {
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
  const { status, counts } = await runRounds(files, {
    root: projectFile("."),
    concurrency: availableParallelism(),
    ci: process.env["CI"] === "true",
    fileTimeoutMs: FILE_TIMEOUT_MS,
    firstRoundMs: FIRST_ROUND_MS,
    totalMs: TOTAL_MS,
    verbose: files.length <= SHOWN_FILES,
    print: (text) => process.stdout.write(text),
  });
  writeFileSync(COUNTS, `${counts}\n`);
  process.stdout.write(`${counts}\n`);
  return status;
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
