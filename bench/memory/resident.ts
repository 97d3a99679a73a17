// What a whole switch holds resident: `megaflow run` as it is installed, in its default configuration, with
// megaflows that traffic made.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { writeWorkload } from "../../src/bench/workload/generate.ts";
import { projectFile } from "../../src/project.ts";
import { type MemoryKind, memoryTraffic } from "./kinds.ts";

/** Bytes resident, by what they are. */
export interface Resident {
  readonly all: number;
  /** Linear memory without the recorded traffic. */
  readonly linear: number;
  /** The recorded traffic, which is no part of a switch: real ports receive theirs. */
  readonly traffic: number;
  /** Program text and constants of Node and of libraries, some of it shared with other processes. */
  readonly files: number;
  /** The controller's heap, the workers', compiled code, stacks. */
  readonly rest: number;
}

/** A switch with so many megaflows, once things are quiet. */
export interface ResidentUse {
  readonly kind: MemoryKind;
  readonly megaflows: number;
  readonly resident: Resident;
}

const PATIENCE_SECONDS = 240;
/** Linear memory is the one mapping of all of a 32-bit address space. */
const LINEAR_BYTES = 2 ** 32;
/** Bytes of a packet's place in the trace, and of its entry in the index. */
const TRACE_ALIGN = 64;
const TRACE_INDEX = 8;

/** Runs it, waits until all megaflows are there and `settleSeconds` more, and looks. */
export async function measureResident(
  kind: MemoryKind,
  megaflows: number,
  core: number,
  settleSeconds: number,
): Promise<ResidentUse> {
  const folder = mkdtempSync(join(tmpdir(), "megaflow-memory-"));
  const child = startSwitch(kind, megaflows, core, folder);
  try {
    await installed(child, megaflows);
    await sleep(settleSeconds * 1000);
    const trace = Math.ceil(TRACE_ALIGN * traceLines(kind) + TRACE_INDEX) * megaflows;
    return { kind, megaflows, resident: readResident(child.pid!, trace) };
  } finally {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

function startSwitch(kind: MemoryKind, megaflows: number, core: number, folder: string): ChildProcess {
  const { spec, rules } = memoryTraffic(kind, megaflows);
  writeWorkload(spec, folder, "trace");
  writeFileSync(join(folder, "rules.flows"), `${rules}\n`);
  const lines = [
    `cores: [${core}]`,
    "ports:",
    "  - { number: 1, kind: trace, file: trace.pcap }",
    '  - { number: 2, kind: "null" }',
    "flows: rules.flows",
  ];
  const file = join(folder, "switch.yaml");
  writeFileSync(file, `${lines.join("\n")}\n`);
  const command = [projectFile("dist/src/cli/main.js"), "run", file, "--json", "--control", "off"];
  return spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"] });
}

/** Reads the lines of a switch until it has the megaflows. */
async function installed(child: ChildProcess, megaflows: number): Promise<void> {
  const end = performance.now() + PATIENCE_SECONDS * 1000;
  const lines = createInterface({ input: child.stdout! });
  for await (const line of lines) {
    const now = (JSON.parse(line) as { megaflows?: unknown }).megaflows;
    if (now === megaflows) break;
    if (performance.now() > end) throw new Error(`${String(now)} megaflows after ${PATIENCE_SECONDS} s`);
  }
  if (child.exitCode !== null) throw new Error(`megaflow run ended with status ${child.exitCode}`);
  child.stdout!.resume();
}

/** Cache lines of a packet. */
function traceLines(kind: MemoryKind): number {
  return kind === "IPv4" ? 1 : 2;
}

function readResident(pid: number, traffic: number): Resident {
  let linear = 0;
  let files = 0;
  let all = 0;
  let where: "linear" | "files" | "rest" = "rest";
  for (const line of readFileSync(`/proc/${pid}/smaps`, "utf8").split("\n")) {
    const mapping = /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ *(.*)$/.exec(line);
    if (mapping) {
      const bytes = Number.parseInt(mapping[2]!, 16) - Number.parseInt(mapping[1]!, 16);
      if (bytes >= LINEAR_BYTES) where = "linear";
      else where = mapping[3]!.startsWith("/") ? "files" : "rest";
    }
    const kilobytes = Number(/^Rss: +(\d+) kB/.exec(line)?.[1] ?? 0);
    all += kilobytes * 1024;
    if (where === "linear") linear += kilobytes * 1024;
    if (where === "files") files += kilobytes * 1024;
  }
  return { all, linear: linear - traffic, traffic, files, rest: all - linear - files };
}
