// A build of the datapath that is slowed on purpose: an extra loop in front of every batch. What claims to
// find a difference of 10 % must find this one.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectFile } from "../../src/project.ts";

const PAGE = "pmd/process.ts";
const HEAD = "export function processBatch(context: u32): void {\n";
const EXPORTS = "index.ts";

/**
 * Compiles the datapath with `steps` additional rounds of work a batch, each about two cycles, to `output`. Its
 * export `spentWork` returns what `spentWorkAfter` says. Throws where the source no longer looks as expected.
 */
export function buildSlowDatapath(steps: number, output: string): void {
  const folder = mkdtempSync(join(tmpdir(), "megaflow-slow-"));
  try {
    const copy = join(folder, "assembly");
    cpSync(projectFile("assembly"), copy, { recursive: true });
    const source = readFileSync(join(copy, PAGE), "utf8");
    if (!source.includes(HEAD)) throw new Error(`assembly/${PAGE} has no "${HEAD.trim()}" to slow down`);
    const loop = `  let spun = spent;\n  for (let i: u32 = 0; i < ${steps}; i++) spun = (spun ^ i) + 1;\n  spent = spun;\n`;
    const proof = "let spent: u32 = 1;\nexport function spentWork(): u32 {\n  return spent;\n}\n";
    writeFileSync(join(copy, PAGE), `${source.replace(HEAD, `${HEAD}${loop}`)}\n${proof}`);
    const exported = readFileSync(join(copy, EXPORTS), "utf8");
    const hook = `import { spentWork } from "./${PAGE}";\nexport { spentWork };\n`;
    writeFileSync(join(copy, EXPORTS), `${exported}${hook}`);
    mkdirSync(join(output, ".."), { recursive: true });
    const config = JSON.parse(readFileSync(projectFile("asconfig.json"), "utf8"));
    writeFileSync(join(folder, "asconfig.json"), JSON.stringify(config));
    const asc = projectFile("node_modules/assemblyscript/bin/asc.js");
    const args = [
      asc,
      "assembly/index.ts",
      "--config",
      "asconfig.json",
      "--target",
      "release",
      "--outFile",
      output,
    ];
    execFileSync(process.execPath, args, { cwd: folder, stdio: "pipe" });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What `spentWork` of a slowed build returns after so many batches: nothing but doing all the rounds leads there. */
export function spentWorkAfter(batches: number, steps: number): number {
  let spent = 1;
  for (let batch = 0; batch < batches; batch++) {
    for (let i = 0; i < steps; i++) spent = ((spent ^ i) + 1) >>> 0;
  }
  return spent;
}

/** Cycles of a batch's loop that cost nothing: the processor begins it while it still finishes the batch before. */
const OVERLAP_CYCLES = 100;
const CYCLES_PER_STEP = 2;

/** Rounds a batch that make the datapath slower by `share`. */
export function stepsFor(share: number, nsPerPacket: number, batch: number, clockGhz: number): number {
  return Math.round((share * nsPerPacket * batch * clockGhz + OVERLAP_CYCLES) / CYCLES_PER_STEP);
}
