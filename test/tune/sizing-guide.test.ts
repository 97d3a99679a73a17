// docs/sizing.md is run as written: every shell block, in order, in an empty folder.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { projectFile } from "../../src/project.ts";
import { megaflowWords } from "../support/megaflow-command.ts";

const guide = readFileSync(projectFile("docs/sizing.md"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "megaflow-sizing-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** `npx megaflow` of the guide is this project's. */
const words = megaflowWords.map((word) => `'${word}'`).join(" ");
const blocks = [...guide.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1] as string);

interface Shell {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs lines in bash, which ends what it has started. */
async function shell(lines: string): Promise<Shell> {
  const script = join(folder, "block.sh");
  const end = "for job in $(jobs -p); do kill $job; done 2>/dev/null; wait";
  // The guide's reader sees when the switch is up; here the wait lasts until it is.
  const sleep = "sleep() { until npx megaflow ctl version --attach ./sizing.ctl; do command sleep 1; done; }";
  writeFileSync(script, `set -e\ntrap '${end}' EXIT\nnpx() { shift; ${words} "$@"; }\n${sleep}\n${lines}`);
  const child = spawn("bash", [script], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  return { status, stdout, stderr };
}

interface TuneJson {
  readonly present: Row;
  readonly recommended: Row;
  readonly sizes: readonly Row[];
  readonly reason: string;
  readonly changes: Readonly<Record<string, unknown>>;
}

interface Row {
  readonly microflowEntries: number;
  readonly mpps: number;
  readonly hits: { readonly microflow: number };
  readonly measuredMpps?: number;
  readonly measuredHits?: { readonly microflow: number };
}

test("the guide on sizing does what it says", { timeout: 1_500_000 }, async (t) => {
  const [generate, ask, small, prove, sweep, ...live] = blocks;
  assert.ok(live.length >= 2, `${blocks.length} blocks`);
  await t.test("traffic and advice", async () => {
    for (const block of [generate, ask]) {
      const { status, stdout, stderr } = await shell(block!);
      assert.equal(status, 0, stderr);
      if (block === ask) assert.match(stdout, /^(Recommended|Keep):? .*\.$/m, stdout);
    }
  });
  await t.test(
    "a cache that is too small is found, and the sizes that replace it hold what was predicted",
    async () => {
      for (const block of [small, prove]) {
        const { status, stdout, stderr } = await shell(block!);
        assert.equal(status, 0, stderr);
        if (block === prove) assert.match(stdout, /measured/, stdout);
      }
      const before = JSON.parse(readFileSync(join(folder, "before.json"), "utf8")) as TuneJson;
      assert.equal(before.present.microflowEntries, 1024);
      assert.ok(before.recommended.microflowEntries > 8192, JSON.stringify(before.recommended));
      assert.ok("microflow.entries" in before.changes);
      const report = readFileSync(join(folder, "tune.html"), "utf8");
      assert.match(report, /<svg[\s\S]*recommended[\s\S]*L2/);
      assert.doesNotMatch(report, /src=|href=/, "the report needs no other file");
    },
  );
  await t.test("the sweep measures what was predicted", async () => {
    const { status, stderr } = await shell(sweep!);
    assert.equal(status, 0, stderr);
    const { sizes } = JSON.parse(readFileSync(join(folder, "sweep.json"), "utf8")) as TuneJson;
    assert.ok(sizes.length > 20);
    for (const row of sizes) {
      const real = row.measuredHits!.microflow;
      assert.ok(Math.abs(real - row.hits.microflow) < 0.05, JSON.stringify(row));
      assert.ok(row.measuredMpps! > 0);
    }
  });
  await t.test("a running switch gets other caches", async () => {
    const { status, stdout, stderr } = await shell(live.join(""));
    assert.equal(status, 0, `${stdout}\n${stderr}`);
    assert.match(stdout, /It is applied\./, stdout);
    const applied = /"microflow\.entries": (\d+)/.exec(stdout);
    assert.ok(applied !== null && Number(applied[1]) > 1024, stdout);
  });
});
