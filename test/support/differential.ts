// One differential case: a seed's rules and packets through Open vSwitch and through `megaflow replay`, and what
// differs between the two.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PacketReport } from "../../src/cli/engine.ts";
import { createReplayEngine } from "../../src/cli/replay-engine.ts";
import { findProfile, resolveSettings } from "../../src/config/profiles.ts";
import { isAccident, withoutKnownDeviations } from "./known-deviations.ts";
import { OvsOracle, OvsRefusal, type OvsResult, type Ruleset } from "./ovs.ts";
import type { PacketIn } from "./ovs-monitor.ts";
import { type RandomPacket, randomPackets } from "./random-packets.ts";
import { type RandomRules, type RuleProfile, randomRules } from "./random-rules.ts";
import { SeededRandom } from "./seeded-random.ts";

/** Ports of both switches; LOCAL exists in both too. */
export const CASE_PORTS = 8;
/** Packets of a random case; each is sent twice. */
const CASE_PACKETS = 60;
/** Every packet goes once through translation and once through the caches. */
const PASSES = 2;

/** Rules and packets that both switches get. */
export interface DifferentialCase extends RandomRules {
  packets: RandomPacket[];
}

/** What one side did with all packets, in order, all passes. */
export interface CaseRun {
  results: OvsResult[];
  megaflows: string[];
  masks: number;
}

/** One packet that the two switches treat differently. */
export interface Difference {
  index: number;
  pass: number;
  packet: RandomPacket;
  ovs: OvsResult;
  megaflow: OvsResult;
}

/** Draws the case that a seed names. */
export function drawCase(seed: number, profile: RuleProfile): DifferentialCase {
  const random = new SeededRandom(seed);
  const rules = randomRules(random, profile);
  const packets = randomPackets(random, { count: CASE_PACKETS, ports: 6 });
  return { ...rules, packets: packets.filter(({ hex }) => !isAccident(hex, rules.flows)) };
}

/** Most packets of one case that may kill Open vSwitch before the case is given up. */
const DEATHS_MAX = 60;
/** Deaths of which no packet of the case is known to be the reason. */
const DEATHS_BETWEEN_MAX = 3;

/** An oracle that is started again when a packet kills it, as Open vSwitch 3.1 has assertions that packets reach. */
export class Oracle {
  #running: OvsOracle | undefined;

  /** The live oracle. */
  async live(): Promise<OvsOracle> {
    this.#running ??= await OvsOracle.start({ ports: CASE_PORTS });
    return this.#running;
  }

  /** Runs the case; strikes out of it the rules that are refused and the packets that kill Open vSwitch. */
  async run(drawn: DifferentialCase): Promise<CaseRun & { killers: RandomPacket[] }> {
    const killers: RandomPacket[] = [];
    let deaths = 0;
    for (;;) {
      const sent = { packet: -1 };
      try {
        return { ...(await runOvs(await this.live(), drawn, sent)), killers };
      } catch (error) {
        const killer = drawn.packets[sent.packet];
        await this.close();
        if (error instanceof OvsRefusal || killers.length >= DEATHS_MAX) throw error;
        if (killer === undefined) {
          // It died between packets, of an earlier one or of a rule set that went: the case is run again.
          if (++deaths > DEATHS_BETWEEN_MAX) throw error;
          continue;
        }
        killers.push(killer);
        drawn.packets = drawn.packets.filter(
          (packet) => packet.hex !== killer.hex || packet.port !== killer.port,
        );
      }
    }
  }

  async close(): Promise<void> {
    await this.#running?.close();
    this.#running = undefined;
  }
}

/** Loads a rule set and strikes out of it the lines that Open vSwitch refuses; returns those. */
export async function loadAccepted(oracle: OvsOracle, rules: Ruleset): Promise<string[]> {
  const refused: string[] = [];
  for (;;) {
    try {
      await oracle.load(rules);
      return refused;
    } catch (error) {
      if (!(error instanceof OvsRefusal) || error.what !== "flows") throw error;
      const line = error.line > 0 ? error.line - 1 : await refusedLine(oracle, rules);
      refused.push(...rules.flows.splice(line, 1));
    }
  }
}

/** Index of the first flow that is refused when it is added alone. */
async function refusedLine(oracle: OvsOracle, rules: Ruleset): Promise<number> {
  for (const [index, flow] of rules.flows.entries()) {
    try {
      await oracle.load({ ...rules, flows: [flow] });
    } catch {
      return index;
    }
  }
  throw new Error("Open vSwitch refuses the rules together but none of them alone");
}

async function runOvs(
  oracle: OvsOracle,
  drawn: DifferentialCase,
  sent: { packet: number },
): Promise<CaseRun> {
  await loadAccepted(oracle, drawn);
  const results: OvsResult[] = [];
  for (let pass = 0; pass < PASSES; pass++) {
    for (const [index, packet] of drawn.packets.entries()) {
      sent.packet = index;
      results.push(await oracle.send(packet.port, packet.hex));
      if (drawn.stateful) await oracle.settle();
    }
  }
  sent.packet = -1;
  return { results, megaflows: await oracle.megaflows(), masks: await oracle.maskCount() };
}

/** The files of a case and the command line that replays them. */
export function writeCase(directory: string, drawn: DifferentialCase): string[] {
  const file = (name: string, lines: string[]) => {
    const path = join(directory, name);
    writeFileSync(path, lines.map((line) => `${line}\n`).join(""));
    return path;
  };
  const packets = drawn.packets.map((packet) => `${packet.port} ${packet.hex}`);
  const args = ["--flows", file("flows", drawn.flows), "--packets", file("packets", packets)];
  if (drawn.groups.length > 0) args.push("--groups", file("groups", drawn.groups));
  return [...args, "--ports", String(CASE_PORTS), "--local", "--repeat", String(PASSES), "--json"];
}

/** Runs the case through the switch of `megaflow replay`, in this process. */
export async function runMegaflow(drawn: DifferentialCase, profileName = "default"): Promise<CaseRun> {
  const profile = findProfile(profileName);
  const engine = await createReplayEngine({
    bridge: "br0",
    profile,
    settings: resolveSettings(profile, {}),
    seed: 0n,
    flows: [{ file: "flows", text: drawn.flows.join("\n") }],
    groups: [{ file: "groups", text: drawn.groups.join("\n") }],
    meters: [{ file: "meters", text: drawn.meters.join("\n") }],
    portCount: CASE_PORTS,
    local: true,
    explain: false,
  });
  try {
    const results: OvsResult[] = [];
    for (let pass = 0; pass < PASSES; pass++) {
      for (const { port, hex } of drawn.packets) {
        const bytes = Buffer.from(hex, "hex");
        results.push(resultOf(engine.send(port, bytes, bytes.length, 0)));
      }
    }
    const flows = await engine.megaflows();
    const megaflows = flows.map((flow) => `${flow.match}, actions:${flow.actions}`);
    return { results, megaflows, masks: engine.counters().masks };
  } finally {
    await engine.close();
  }
}

function resultOf(report: PacketReport): OvsResult {
  const controller = report.controller.map((packetIn) => ({
    reason: packetIn.reason as PacketIn["reason"],
    table: packetIn.table,
    cookie: `0x${packetIn.cookie.toString(16)}`,
    totalLen: packetIn.totalLength,
    hex: Buffer.from(packetIn.bytes).toString("hex"),
  }));
  return { out: report.out.map(({ port, bytes }) => [port, Buffer.from(bytes).toString("hex")]), controller };
}

/** Runs the case through the `megaflow replay` command in a process of its own. */
export async function runCommand(drawn: DifferentialCase, extra: string[] = []): Promise<CaseRun> {
  const directory = mkdtempSync(join(tmpdir(), "megaflow-case-"));
  try {
    const args = writeCase(directory, drawn);
    const text = await replay([...args, ...extra]);
    return parseReplay(text);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

interface ReplayLine {
  out: [number, string][];
  controller: OvsResult["controller"];
  summary?: { megaflows: { match: string; actions: string }[]; masks: number };
}

/** Reads what `megaflow replay --json` prints. */
export function parseReplay(text: string): CaseRun {
  const run: CaseRun = { results: [], megaflows: [], masks: 0 };
  for (const line of text.trimEnd().split("\n")) {
    const value = JSON.parse(line) as ReplayLine;
    if (value.summary === undefined) {
      run.results.push({ out: value.out, controller: value.controller });
      continue;
    }
    run.megaflows = value.summary.megaflows.map((flow) => `${flow.match}, actions:${flow.actions}`);
    run.masks = value.summary.masks;
  }
  return run;
}

/** Runs `megaflow replay` and returns its standard output. */
export function replay(args: string[]): Promise<string> {
  const main = join(import.meta.dirname, "../../src/cli/main.ts");
  const command = ["--import", "tsx", main, "replay", ...args];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, command, { maxBuffer: 1 << 28, timeout: 580_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`megaflow replay ended with ${error.code ?? error.signal}: ${stderr}`));
    });
  });
}

/** The packets that the two runs treat differently. */
export function compareRuns(drawn: DifferentialCase, ovs: CaseRun, megaflow: CaseRun): Difference[] {
  const differences: Difference[] = [];
  const limits = maxLengths(drawn);
  const truncated = truncatedPorts(drawn);
  const loses = clonesMayLose(drawn);
  const learns = drawn.stateful && drawn.flows.some((flow) => flow.includes("normal"));
  for (const [at, expected] of ovs.results.entries()) {
    const actual = megaflow.results[at] ?? { out: [], controller: [] };
    if (sameOutput(expected, actual, truncated) && sameController(expected, actual, limits)) continue;
    if (learns && [...expected.out, ...actual.out].some(([, hex]) => isToItself(hex))) continue;
    if (loses && isPart(expected.out, actual.out)) continue;
    const index = at % drawn.packets.length;
    const pass = Math.floor(at / drawn.packets.length);
    differences.push({ index, pass, packet: drawn.packets[index]!, ovs: expected, megaflow: actual });
  }
  return differences;
}

/** Whether a clone may end with an action set that recirculates: Open vSwitch then loses what follows the clone. */
function clonesMayLose({ flows, groups }: DifferentialCase): boolean {
  if (!flows.some((flow) => flow.includes("clone("))) return false;
  const sets = flows.filter((flow) => flow.includes("write_actions("));
  const selects = groups.filter((group) => group.includes("type=select"));
  return selects.some((group) => {
    const id = /group_id=(\d+)/.exec(group)?.[1];
    return sets.some((flow) => new RegExp(`write_actions\\(.*group:${id}\\b`).test(flow));
  });
}

/** Whether one list of outputs is the other with some left out. */
function isPart(some: OvsResult["out"], all: OvsResult["out"]): boolean {
  const left = all.map(([port, hex]) => `${port} ${hex}`);
  return some.every(([port, hex]) => {
    const at = left.indexOf(`${port} ${hex}`);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

/** A station that sends to itself: where NORMAL thinks that it is depends on whether learning or lookup comes first. */
function isToItself(hex: string): boolean {
  return hex.slice(0, 12) === hex.slice(12, 24);
}

/** Outputs by port: Open vSwitch sends a burst's packets port by port, so only the order on a port is seen. */
function sameOutput(expected: OvsResult, actual: OvsResult, truncated: Set<number>): boolean {
  if (expected.out.length !== actual.out.length) return false;
  const byPort = (result: OvsResult) => {
    const ordered = result.out.map(([port, hex], index) => ({ port, hex, index }));
    return ordered.sort((a, b) => a.port - b.port || a.index - b.index);
  };
  const others = byPort(actual);
  return byPort(expected).every(({ port, hex }, index) => {
    const other = others[index]!;
    if (port !== other.port) return false;
    if (hex === other.hex || withoutKnownDeviations(hex) === withoutKnownDeviations(other.hex)) return true;
    return truncated.has(port) && sameCut(hex, other.hex);
  });
}

/** Ports to which a rule sends truncated packets. */
function truncatedPorts(drawn: DifferentialCase): Set<number> {
  const text = [...drawn.flows, ...drawn.groups].join("\n");
  return new Set([...text.matchAll(/output\(port=(\d+),max_len/g)].map((match) => Number(match[1])));
}

/** Open vSwitch cuts before the tags and labels that it pushes or pops at the same time; Megaflow after them. */
function sameCut(hex: string, other: string): boolean {
  const difference = Math.abs(hex.length - other.length) / 2;
  return difference <= 16 && (hex.startsWith(other) || other.startsWith(hex));
}

/** Lengths to which the rules cut packets for the controller. */
function maxLengths(drawn: DifferentialCase): number[] {
  const text = [...drawn.flows, ...drawn.groups].join("\n");
  return [0xffff, ...[...text.matchAll(/controller\([^)]*max_len=(\d+)/g)].map((match) => Number(match[1]))];
}

/** Open vSwitch 2.7 and later always sends the whole packet; Megaflow cuts it to max_len as OpenFlow says. */
function sameController(expected: OvsResult, actual: OvsResult, limits: number[]): boolean {
  if (expected.controller.length !== actual.controller.length) return false;
  return expected.controller.every((packetIn, index) => {
    const other = actual.controller[index]!;
    const { hex, reason, cookie, ...rest } = packetIn;
    const { hex: otherHex, reason: otherReason, cookie: otherCookie, ...otherRest } = other;
    // Open vSwitch forgets the rule over a recirculation that goes on with goto_table.
    if (cookie !== otherCookie && cookie !== "0xffffffffffffffff") return false;
    if (JSON.stringify(rest) !== JSON.stringify(pickKeys(rest, otherRest))) return false;
    if ((reason === "action_set" ? "action" : reason) !== otherReason) return false;
    const cut = limits.some((limit) => otherHex.length === Math.min(hex.length, limit * 2));
    if (!cut) return false;
    const same = hex.slice(0, otherHex.length) === otherHex;
    return same || withoutKnownDeviations(hex).startsWith(withoutKnownDeviations(otherHex));
  });
}

function pickKeys<T extends object>(shape: T, value: object): object {
  return Object.fromEntries(Object.keys(shape).map((key) => [key, (value as Record<string, unknown>)[key]]));
}

/** A report of a difference: the packet, what each side did with it, and what Open vSwitch says about it. */
export async function describeDifference(oracle: OvsOracle, difference: Difference): Promise<string> {
  const { packet, ovs, megaflow, index, pass } = difference;
  const lines = [`packet ${index} of pass ${pass}: ${packet.port} ${packet.hex}`];
  for (const [name, result] of [
    ["Open vSwitch", ovs],
    ["Megaflow", megaflow],
  ] as const) {
    lines.push(`  ${name}:`);
    for (const [port, hex] of result.out) lines.push(`    out ${port} ${hex}`);
    for (const packetIn of result.controller) lines.push(`    controller ${JSON.stringify(packetIn)}`);
    if (result.out.length + result.controller.length === 0) lines.push("    nothing");
  }
  lines.push(await oracle.trace(`in_port=${packet.port}`, packet.hex));
  return lines.join("\n");
}
