// Runs the `megaflow` command as a child process: the build where it is up to date, else the sources.

import { spawn } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { projectFile } from "../../src/project.ts";

/** What a finished command left behind. */
export interface CommandResult {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running command. */
export interface RunningCommand {
  readonly process: ReturnType<typeof spawn>;
  readonly result: Promise<CommandResult>;
}

const built = projectFile("dist/src/cli/main.js");
const program = isFresh()
  ? [built]
  : ["--import", import.meta.resolve("tsx"), projectFile("src/cli/main.ts")];

/** The words that run the command, for a test that puts others before them (`setpriv`, `ip netns exec`). */
export const megaflowWords: readonly string[] = [process.execPath, ...program];

/** Starts the command; `cwd` is the project unless said otherwise. */
export function startMegaflow(args: readonly string[], cwd = projectFile(".")): RunningCommand {
  const child = spawn(process.execPath, [...program, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  const output: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on("data", (chunk: Buffer) => output[0].push(chunk));
  child.stderr.on("data", (chunk: Buffer) => output[1].push(chunk));
  const result = new Promise<CommandResult>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => {
      const [stdout, stderr] = output.map((chunks) => Buffer.concat(chunks).toString("utf8"));
      resolve({ status, signal, stdout: stdout as string, stderr: stderr as string });
    });
  });
  return { process: child, result };
}

/** Runs the command to its end. */
export function megaflow(args: readonly string[], cwd?: string): Promise<CommandResult> {
  return startMegaflow(args, cwd).result;
}

/** Returns the JSON objects of a command's output, one a line. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

function isFresh(): boolean {
  const buildTime = modified(built);
  return ["src", "assembly/layout"].every((folder) =>
    readdirSync(projectFile(folder), { recursive: true, encoding: "utf8" }).every(
      (name) => !name.endsWith(".ts") || modified(join(projectFile(folder), name)) <= buildTime,
    ),
  );
}

function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
