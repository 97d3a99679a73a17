// The runner of the tests, on small real files: what fails once is red for a developer and told loudly under CI, what
// fails always is red, and the counts have each test once.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type RoundsResult, runRounds } from "../../../scripts/test-rounds.ts";
import { projectFile } from "../../../src/project.ts";

const HEAD = `import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
/** Whether this is the second time that the file runs. */
const again: boolean = existsSync(import.meta.filename + ".ran");
writeFileSync(import.meta.filename + ".ran", "");
`;
const FILES = {
  good: `test("sun", () => {}); describe("sky", () => { test("blue", () => {}); });`,
  once: `test("calm", () => {}); describe("sea", () => { test("wave", () => assert.ok(again)); });`,
  always: `test("stone", () => {}); test("broken", () => assert.equal(1, 2));`,
  unloadable: `test("never told", () => {}); throw new Error("no such thing");`,
  unloadableOnce: `if (!again) throw new Error("not yet there"); test("late", () => {});`,
  hanging: `test("waits", async () => { await new Promise((r) => setTimeout(r, again ? 0 : 300_000)); });`,
  killed: `test("before", () => {}); test("dies", async () => {
    process.kill(process.pid, "SIGKILL"); await new Promise((r) => setTimeout(r, 10_000)); });`,
  rejects: `test("fine", () => {}); process.on("exit", () => { process.exitCode = 3; });`,
  skipping: `test("left out", { skip: "no moon" }, () => {}); test("kept", () => {});`,
} as const;
type Name = keyof typeof FILES;

describe("the runner of the tests", () => {
  let parent: string;
  before(() => {
    parent = mkdtempSync(join(tmpdir(), "megaflow-runner-"));
  });
  after(() => rmSync(parent, { recursive: true, force: true }));

  async function run(
    names: Name[],
    options: { ci?: boolean; fileTimeoutMs?: number; firstRoundMs?: number; totalMs?: number } = {},
  ): Promise<RoundsResult & { text: string; root: string }> {
    const root = mkdtempSync(join(parent, "case-"));
    symlinkSync(projectFile("node_modules"), join(root, "node_modules"));
    mkdirSync(join(root, "test"));
    writeFileSync(join(root, "package.json"), `{ "type": "module" }`);
    const files = names.map((name) => `test/${name}.test.ts`);
    for (const name of names) writeFileSync(join(root, `test/${name}.test.ts`), HEAD + FILES[name]);
    let text = "";
    const result = await runRounds(files, {
      root,
      concurrency: 2,
      ci: true,
      fileTimeoutMs: 300_000,
      firstRoundMs: 600_000,
      totalMs: 600_000,
      verbose: false,
      print: (part) => {
        text += part;
      },
      ...options,
    });
    return { ...result, text, root };
  }

  test("passes what passes, once", async () => {
    const { status, counts, text } = await run(["good"]);
    assert.deepEqual([status, counts], [0, "2 passed, 0 failed"]);
    assert.match(text, /^✔ test\/good\.test\.ts \(2 passed, [\d.]+ s\)\n$/);
  });

  test("a test that fails the first time only is green under CI, and told with both outputs", async () => {
    const { status, counts, text, root } = await run(["good", "once"]);
    assert.deepEqual([status, counts], [0, "4 passed, 0 failed"]);
    assert.match(text, /1 of 2 files failed; once more, each alone/);
    assert.match(text, /FAILED BESIDE OTHERS, PASSED ALONE: test\/once\.test\.ts\n {2}sea > wave\n/);
    const kept = (n: number) =>
      readFileSync(join(root, `build/test-output/test-once.test.ts.${n}.txt`), "utf8");
    assert.match(kept(1), /✖ wave/);
    assert.match(kept(2), /✔ wave/);
    assert.ok(text.includes(kept(1).trimEnd()) && text.includes(kept(2).trimEnd()));
    assert.doesNotMatch(text, /^failed: /m);
  });

  test("a developer sees it red", async () => {
    const { status, counts, text } = await run(["good", "once"], { ci: false });
    assert.deepEqual([status, counts], [1, "3 passed, 1 failed"]);
    assert.match(text, /^failed: sea > wave$/m);
    assert.doesNotMatch(text, /once more|PASSED ALONE/);
  });

  test("what fails both times is red and counted once, beside what failed by chance", async () => {
    const { status, counts, text } = await run(["always", "good", "once"]);
    assert.deepEqual([status, counts], [1, "5 passed, 1 failed"]);
    assert.match(text, /^failed: broken$/m);
    assert.equal(text.match(/PASSED ALONE/g)?.length, 1);
  });

  test("a file that does not load is red, unless it does the second time", async () => {
    const { status, counts, text } = await run(["unloadable", "unloadableOnce"]);
    assert.equal(status, 1);
    assert.match(counts, /^[12] passed, 1 failed$/);
    assert.match(text, /^failed: test\/unloadable\.test\.ts: exit status [1-9]\d*$/m);
    assert.match(text, /no such thing/);
    assert.match(
      text,
      /PASSED ALONE: test\/unloadableOnce\.test\.ts\n {2}test\/unloadableOnce\.test\.ts: exit/,
    );
  });

  test("a file that dies or ends with an error after its tests is red", async () => {
    const { status, counts, text } = await run(["killed", "rejects"]);
    assert.deepEqual([status, counts], [1, "1 passed, 2 failed"]);
    assert.match(text, /^failed: test\/killed\.test\.ts: killed by SIGKILL$/m);
    assert.match(text, /^failed: test\/rejects\.test\.ts: exit status 3$/m);
  });

  test("a file that hangs is ended, and may pass the second time", async () => {
    const { status, counts, text } = await run(["hanging"], { fileTimeoutMs: 20_000 });
    assert.deepEqual([status, counts], [0, "1 passed, 0 failed"], text);
    assert.match(text, /PASSED ALONE: .*\n.*hanging\.test\.ts: ended after 20 s\n/);
  });

  test("when the time for all is over, what is left is red", async () => {
    const { status, counts, text } = await run(["good", "once"], { firstRoundMs: 0, totalMs: 0 });
    assert.deepEqual([status, counts], [1, "0 passed, 2 failed"]);
    assert.match(text, /^failed: test\/good\.test\.ts: not run, as the time for all tests is over$/m);
  });

  test("under CI nothing may be skipped", async () => {
    const { status, counts, text } = await run(["skipping"]);
    assert.deepEqual([status, counts], [1, "1 passed, 0 failed, 1 skipped"]);
    assert.match(text, /^skipped: left out \(no moon\)\nunder CI=true nothing may be skipped$/m);
    assert.equal((await run(["skipping"], { ci: false })).status, 0);
  });
});
