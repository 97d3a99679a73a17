// Builds what is older than its sources: the WebAssembly modules, the JavaScript in dist/ and the addon.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { projectFile } from "../src/project.ts";

interface Step {
  readonly name: string;
  /** Files and folders that the outputs are made from. */
  readonly sources: readonly string[];
  readonly outputs: readonly string[];
  readonly command: readonly string[];
}

const { CI } = process.env;

const steps: readonly Step[] = [
  {
    name: "WebAssembly",
    sources: ["assembly", "asconfig.json"],
    outputs: ["build/datapath.wasm", "build/testing.wasm", "build/yardstick.wasm", "build/layout.wasm"],
    command: ["npm", "run", "--silent", "build:wasm"],
  },
  {
    name: "dist",
    sources: ["src", "assembly/layout", "types", "tsconfig.json", "tsconfig.build.json"],
    outputs: ["dist/src/cli/main.js"],
    command: ["npm", "run", "--silent", "build:ts"],
  },
  {
    name: "addon",
    sources: ["native"],
    outputs: ["native/build/Release/megaflow.node"],
    command: [process.execPath, "scripts/install.js", ...(CI === "true" ? ["--required"] : [])],
  },
];

/** Held while building: `npm start` and `npm test` may run at once. A folder, as making one is atomic. */
const LOCK = projectFile("build/.lock");
/** A lock older than this was left by a build that was killed. */
const LOCK_MAX_MS = 300_000;

/** Runs every step whose outputs are stale; returns the first failure's exit status, or 0. */
export function buildStale(): number {
  if (!steps.some(isStale)) return 0;
  takeLock();
  try {
    return buildSteps();
  } finally {
    rmdirSync(LOCK);
  }
}

function takeLock(): void {
  mkdirSync(projectFile("build"), { recursive: true });
  for (;;) {
    try {
      mkdirSync(LOCK);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const age = Date.now() - (statSync(LOCK, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > LOCK_MAX_MS) rmSync(LOCK, { recursive: true, force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
}

function buildSteps(): number {
  for (const step of steps) {
    if (!isStale(step)) continue;
    process.stdout.write(`building ${step.name}\n`);
    const [command = "", ...args] = step.command;
    const status = spawnSync(command, args, { cwd: projectFile("."), stdio: "inherit" }).status ?? 1;
    if (status !== 0) return status;
  }
  return 0;
}

function isStale(step: Step): boolean {
  const outputs = step.outputs.map(projectFile);
  if (!outputs.every((path) => existsSync(path))) return true;
  const oldestOutput = Math.min(...outputs.map((path) => statSync(path).mtimeMs));
  return Math.max(...step.sources.map((path) => newest(projectFile(path)))) > oldestOutput;
}

/** Time of the last change to a file, or to the newest file in a folder; nothing is built from build folders and documents. */
function newest(path: string): number {
  const status = statSync(path);
  if (!status.isDirectory()) return status.mtimeMs;
  const names = readdirSync(path).filter((name) => name !== "build" && !name.endsWith(".md"));
  return Math.max(0, ...names.map((name) => newest(join(path, name))));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = buildStale();
