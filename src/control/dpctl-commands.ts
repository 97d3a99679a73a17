// dpctl/...: the datapath as a whole, its megaflows and cache sizes, in the words and forms of Open vSwitch.

import { parseCount } from "../config/number.ts";
import { parseSetting, type SettingKey } from "../config/settings.ts";
import { FlowSyntaxError } from "../errors.ts";
import { formatDumpLine, listMegaflows, type MegaflowQuery } from "../observe/megaflows.ts";
import { type PortSnapshot, takeSnapshot } from "../observe/snapshot.ts";
import { formatUfid, parseUfid } from "../odp/ufid.ts";
import {
  type ControlAnswer,
  type ControlCommand,
  type ControlContext,
  ControlError,
  checkDatapath,
  datapathName,
  takeOptions,
} from "./command.ts";
import { findPmd, threadName } from "./pmd-choice.ts";

/** The caches, as Open vSwitch names the kernel's, with the setting that sizes each. */
const caches: readonly (readonly [name: string, setting: SettingKey & `${string}.entries`])[] = [
  ["microflow-cache", "microflow.entries"],
  ["masks-cache", "maskCache.entries"],
];

export const dpctlCommands: readonly ControlCommand[] = [
  { name: "dpctl/dump-dps", usage: "", min: 0, max: 0, run: (context) => [datapathName(context)] },
  { name: "dpctl/show", usage: "[-s] [dp...]", min: 0, max: 8, run: show },
  {
    name: "dpctl/dump-flows",
    usage:
      "[-m] [--names | --no-names] [dp] [filter=MATCH] [pmd=CORE] [sort=packets|bytes|used] [limit=N] [search=WORDS]",
    min: 0,
    max: 9,
    run: dumpFlows,
  },
  { name: "dpctl/get-flow", usage: "[dp] ufid", min: 1, max: 2, run: getFlow },
  { name: "dpctl/cache-get-size", usage: "[dp]", min: 0, max: 1, run: cacheGetSize },
  { name: "dpctl/cache-set-size", usage: "dp cache size", min: 3, max: 3, run: cacheSetSize },
];

function show(context: ControlContext, args: readonly string[]): ControlAnswer {
  const { options, rest } = takeOptions(args, ["-s", "--statistics"]);
  for (const name of rest) checkDatapath(context, name);
  const { totals, masks, megaflows, ports } = takeSnapshot(context.owner);
  const { microflow, maskCache, masked, upcall } = totals.hits;
  const hit = microflow + maskCache + masked;
  const lookups = hit + upcall;
  const each = (count: number): number => (lookups === 0 ? 0 : count / lookups);
  return [
    `${datapathName(context)}:`,
    `  lookups: hit:${hit} missed:${upcall} lost:${totals.upcallsLost}`,
    `  flows: ${megaflows}`,
    `  masks: hit:${totals.masksTried} total:${masks} hit/pkt:${each(totals.masksTried).toFixed(2)}`,
    `  cache: hit:${maskCache} hit-rate:${(each(maskCache) * 100).toFixed(2)}%`,
    ...cacheLines(context),
    ...[...ports]
      .sort((a, b) => a.datapathNumber - b.datapathNumber)
      .flatMap((port) => portLines(port, options.size > 0)),
  ];
}

function cacheLines({ owner }: ControlContext): string[] {
  return ["  caches:", ...caches.map(([name, setting]) => `    ${name}: size:${owner.settings[setting]}`)];
}

function portLines(port: PortSnapshot, statistics: boolean): string[] {
  const kind = port.datapathNumber === 0 ? "internal" : port.kind;
  const line = `  port ${port.datapathNumber}: ${port.name} (${kind})`;
  if (!statistics) return [line];
  return [
    line,
    `    RX packets:${port.rxPackets} errors:? dropped:${port.rxDrops} overruns:? frame:?`,
    `    TX packets:${port.txPackets} errors:? dropped:${port.txDrops} aborted:? carrier:?`,
    "    collisions:?",
    `    RX bytes:${port.rxBytes}${humanSize(port.rxBytes)}  TX bytes:${port.txBytes}${humanSize(port.txBytes)}`,
    `    UPCALL packets:${port.upcalls} errors:${port.upcallsLost}`,
  ];
}

/** ` (1.0 MiB)`; nothing below a KiB. */
function humanSize(bytes: number): string {
  const units = ["TiB", "GiB", "MiB", "KiB"];
  for (const [i, unit] of units.entries()) {
    const size = 1024 ** (units.length - i);
    if (bytes >= size) return ` (${(bytes / size).toFixed(1)} ${unit})`;
  }
  return "";
}

async function dumpFlows(context: ControlContext, args: readonly string[]): Promise<ControlAnswer> {
  const { options, rest } = takeOptions(args, ["-m", "--more", "--names", "--no-names"]);
  const more = options.has("-m") || options.has("--more");
  const { query, pmd } = readQuery(context, rest);
  const names = (more || options.has("--names")) && !options.has("--no-names");
  const lines: string[] = [];
  for (const one of context.owner.pmds.filter((each) => pmd === undefined || each.index === pmd)) {
    const wanted = { ...query, pmd: one.index, verbose: more, names };
    const { entries } = await listMegaflows(context.owner, wanted).catch(refuseFilter);
    if (entries.length === 0) continue;
    lines.push(`flow-dump from ${threadName(context, one.index)}:`);
    for (const entry of entries) lines.push(formatDumpLine(entry, more));
  }
  return lines;
}

/** Reads what dump-flows and the JSON list take: `filter=`, `pmd=`, `sort=`, `limit=`, `search=`, `type=`, a datapath. */
export function readQuery(
  context: ControlContext,
  args: readonly string[],
): { query: MegaflowQuery; pmd: number | undefined } {
  const query: { -readonly [K in keyof MegaflowQuery]: MegaflowQuery[K] } = {};
  let pmd: number | undefined;
  for (const arg of args) {
    const [key, value] = splitPair(arg);
    if (key === "filter") query.filter = value;
    else if (key === "search") query.search = value;
    else if (key === "pmd") pmd = findPmd(context, value);
    else if (key === "limit") query.limit = readCount(value);
    else if (key === "sort") query.sort = readSort(value);
    else if (key !== "type") checkDatapath(context, arg);
    // All megaflows are of the software datapath: nothing is offloaded.
    else if (!/^(ovs|non-offloaded|all)(,|$)/.test(value)) query.limit = 0;
  }
  return { query, pmd };
}

function splitPair(arg: string): [string, string] {
  const at = arg.indexOf("=");
  return at < 0 ? ["", arg] : [arg.slice(0, at), arg.slice(at + 1)];
}

function readCount(text: string): number {
  const count = parseCount(text);
  if (count === undefined) throw new ControlError(`limit takes a whole number, got "${text}"`);
  return count;
}

function readSort(text: string): NonNullable<MegaflowQuery["sort"]> {
  if (text === "packets" || text === "bytes" || text === "used") return text;
  throw new ControlError(`sort takes packets, bytes or used, got "${text}"`);
}

/** A filter that is none: a sentence as Open vSwitch words it. */
export function refuseFilter(error: unknown): never {
  if (error instanceof FlowSyntaxError) throw new ControlError(`Failed to parse filter (${error.message})`);
  throw error;
}

async function getFlow(context: ControlContext, args: readonly string[]): Promise<ControlAnswer> {
  if (args.length === 2) checkDatapath(context, args[0]);
  const ufid = parseUfid(args.at(-1) as string);
  if (ufid === undefined) throw new ControlError(`"${args.at(-1)}" is not a UFID`);
  const name = formatUfid(ufid);
  const { entries } = await listMegaflows(context.owner, { search: name, names: true });
  const [entry] = entries.filter((one) => one.ufid === name);
  if (entry === undefined) throw new ControlError("getting flow (No such file or directory)");
  return [formatDumpLine(entry, true)];
}

function cacheGetSize(context: ControlContext, [dp]: readonly string[]): ControlAnswer {
  checkDatapath(context, dp);
  return [`${datapathName(context)}:`, ...cacheLines(context)];
}

async function cacheSetSize(context: ControlContext, args: readonly string[]): Promise<ControlAnswer> {
  const [dp, cache, size] = args as [string, string, string];
  checkDatapath(context, dp);
  const setting = caches.find(([name]) => name === cache)?.[1];
  if (setting === undefined) {
    const names = caches.map(([name]) => name).join(" and ");
    throw new ControlError(`Cache name "${cache}" not found on dpif: there are ${names}`);
  }
  const settings = await context.owner.changeSettings({ [setting]: parseSetting(setting, size) });
  return [`Setting cache size successful, new size ${settings[setting]}`];
}
