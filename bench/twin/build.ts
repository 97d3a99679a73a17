// Makes the twin: the datapath's sources printed as C, compiled with GCC's best, in build/twin.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { datapathStages } from "../../src/pmd/stages.ts";
import { type Module, readModules } from "./module.ts";
import { modulesToC } from "./to-c.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = `${root}build/twin`;
const flags = ["-std=gnu11", "-O3", "-march=native", "-fwrapv", "-fno-math-errno", "-w"];

/** Constants of the layout that main.c uses, with the file each is in. */
const layoutNames: Readonly<Record<string, readonly string[]>> = {
  "layout/batch.ts": ["BATCH_COUNT"],
  "layout/limits.ts": ["PORT_MAX"],
  "layout/pmd.ts": ["PMD_STATS", "PMD_REGIONS", "PMD_DIGEST"],
  "layout/port.ts": ["PORT_SIZE", "PORT_KIND", "PORT_FLAG_DIGEST", "RXQ_TRACE_LIMIT", "RXQ_TRACE_ROUNDS"],
  "layout/ring.ts": ["RING_HEAD", "RING_TAIL"],
};
/** Enum members that main.c uses, by the name it knows them by. */
const enumNames: readonly (readonly [name: string, file: string, type: string, member: string])[] = [
  ["STAT_RX", "layout/stat.ts", "PmdStat", "RX"],
  ["STAT_TX", "layout/stat.ts", "PmdStat", "TX"],
  ["STAT_MISS", "layout/stat.ts", "PmdStat", "MISS"],
  ["REGION_UPCALL_RING", "layout/pmd.ts", "RegionId", "UPCALL_RING"],
  ["REGION_COMMAND_RING", "layout/pmd.ts", "RegionId", "COMMAND_RING"],
  ["REGION_RXQS", "layout/pmd.ts", "RegionId", "RXQS"],
  ["REGION_PORTS", "layout/pmd.ts", "RegionId", "PORTS"],
];
/** Functions beside the stages that main.c calls, with their files. */
const functionNames: readonly (readonly [name: string, file: string])[] = [
  ["ringReserve", "core/ring.ts"],
  ["ringCommit", "core/ring.ts"],
];

/** Why the twin can't be built here, or undefined when it can. */
export function twinMissing(): string | undefined {
  if (process.arch !== "x64") return "the twin's vectors are written for x86-64";
  return existsSync("/usr/bin/gcc") ? undefined : "gcc is not installed";
}

/** Builds the twin where its sources have changed; returns the program's path. */
export function buildTwin(): string {
  const modules = readModules(`${root}assembly`, "index.ts");
  const source = `${folder}/datapath.generated.c`;
  const program = `${folder}/twin`;
  const text = `${modulesToC(modules)}\n${namesForMain(modules)}`;
  mkdirSync(folder, { recursive: true });
  const main = `${root}bench/twin/main.c`;
  const stamp = `${folder}/stamp`;
  const key = [
    text,
    ...["main.c", "runtime.h"].map((name) => readFileSync(`${root}bench/twin/${name}`, "utf8")),
  ].join("\0");
  if (existsSync(program) && existsSync(stamp) && readFileSync(stamp, "utf8") === key) return program;
  writeFileSync(source, text);
  compile([...flags, `-I${folder}`, `-I${root}bench/twin`, "-o", program, main]);
  writeFileSync(stamp, key);
  return program;
}

/** Compiles; a failure says what is missing and where it goes. */
function compile(args: readonly string[]): void {
  try {
    execFileSync("gcc", args, { stdio: "pipe" });
  } catch (error) {
    const text = String((error as { stderr?: Buffer }).stderr ?? error);
    const missing = [
      ...new Set([...text.matchAll(/undefined reference to `(\w+)'/g)].map((match) => match[1])),
    ];
    if (missing.length === 0) throw new Error(`the C twin does not compile: ${text}`);
    throw new Error(
      `the datapath uses what bench/twin/runtime.h does not have yet: add ${missing.join(", ")} (as_NAME_TYPE, or SPACE_NAME for vectors)`,
    );
  }
}

/** The compiler and its flags, for the report. */
export function twinCompiler(): string {
  const version = execFileSync("gcc", ["--version"]).toString().split("\n")[0] ?? "gcc";
  return `${version} ${flags.slice(1, 3).join(" ")}`;
}

/** Macros that give main.c the names of the printed program. */
function namesForMain(modules: readonly Module[]): string {
  const entry = modules[0]!;
  const lines: string[] = [];
  for (const [name, meaning] of entry.names) {
    if (meaning.sort === "function") lines.push(`#define ${name} ${meaning.id}`);
  }
  for (const [name, file] of functionNames) {
    const meaning = moduleAt(modules, file).names.get(name);
    if (meaning?.sort === "function") lines.push(`#define ${name} ${meaning.id}`);
  }
  for (const [file, names] of Object.entries(layoutNames)) {
    for (const name of names) {
      const meaning = moduleAt(modules, file).names.get(name);
      if (meaning?.sort !== "constant") throw new Error(`${file} has no constant ${name}`);
      lines.push(`#define ${name} ${meaning.value}u`);
    }
  }
  for (const [name, file, type, member] of enumNames) {
    const meaning = moduleAt(modules, file).names.get(type);
    const value = meaning?.sort === "enum" ? meaning.members.get(member) : undefined;
    if (value === undefined) throw new Error(`${file} has no ${type}.${member}`);
    lines.push(`#define ${name} ${value}u`);
  }
  const stages = datapathStages.slice(1).map((stage) => `X(${stage.name})`);
  lines.push(`#define STAGES(X) ${stages.join(" ")}`);
  return `${lines.join("\n")}\n`;
}

function moduleAt(modules: readonly Module[], file: string): Module {
  const module = modules.find((one) => one.path === file);
  if (!module) throw new Error(`the datapath does not use ${file}`);
  return module;
}
