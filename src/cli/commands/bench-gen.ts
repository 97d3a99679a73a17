// `megaflow bench gen`: writes workloads, a capture and its rules each.

import { type WorkloadFiles, writeWorkload } from "../../bench/workload/generate.ts";
import { packetKinds } from "../../bench/workload/packet-kind.ts";
import { presets } from "../../bench/workload/presets.ts";
import {
  type ActionName,
  actionNames,
  completeSpec,
  defaultSpec,
  parseCount,
  parseMix,
  parseSize,
  type SchemeName,
  schemeNames,
  type WorkloadSpec,
} from "../../bench/workload/spec.ts";
import { UsageError } from "../../errors.ts";
import type { Arguments, CommandSpec } from "../options.ts";

const presetNames = Object.keys(presets);

export const spec: CommandSpec = {
  name: "bench gen",
  summary: "Write a workload: a capture and the rules for it.",
  usage: ["[NAME ...] [OPTIONS]"],
  details: [
    `Writes NAME.pcap and NAME.flows for every named workload, or one of the options alone. The names: ${presetNames.join(", ")}. Options change a named workload.`,
    "The same seed gives the same bytes everywhere. The rules are plain ovs-ofctl text and make the same masks in Open vSwitch.",
    "Schemes: masks (as many datapath masks as asked for), port (one rule that matches the port alone), exact (one rule a connection), acl, fw and ipc (access lists in the manner of " +
      "ClassBench), scan (a port scan beside honest traffic), explosion (a tuple-space explosion). In the last two the churn packets are the attack's.",
  ],
  options: [
    { name: "out-dir", value: "DIR", meaning: "Where the files go; the current folder unless it is given." },
    {
      name: "scheme",
      value: "NAME",
      meaning: `Rules: ${schemeNames.join(", ")}.`,
      default: defaultSpec.scheme,
    },
    { name: "flows", value: "N", meaning: "Connections alive at any moment.", default: "1000" },
    { name: "packets", value: "N", meaning: "Packets of the capture.", default: String(defaultSpec.packets) },
    { name: "masks", value: "N", meaning: "Datapath masks, 1 to 512 (scheme masks).", default: "1" },
    { name: "megaflows-per-mask", value: "N", meaning: "1 to 64 (scheme masks).", default: "4" },
    { name: "rules", value: "N", meaning: "Rules (schemes acl, fw, ipc).", default: "1000" },
    { name: "zipf", value: "X", meaning: "Exponent of the popularity; 0 is uniform.", default: "0" },
    {
      name: "churn",
      value: "SHARE",
      meaning: "Share of packets that start a new connection, 0 to 1.",
      default: "0",
    },
    { name: "size", value: "BYTES", meaning: "Frame size without FCS, 60 to 1514, or imix.", default: "60" },
    {
      name: "mix",
      value: "KIND:WEIGHT,...",
      meaning: `Packets: ${packetKinds.map((kind) => kind.name).join(", ")}.`,
      default: "udp",
    },
    {
      name: "action",
      value: "NAME",
      meaning: `What the rules do: ${actionNames.join(", ")}.`,
      default: "output",
    },
    { name: "seed", value: "S", meaning: "Fixes every choice.", default: "1" },
    { name: "json", meaning: "Print one JSON object a workload." },
  ],
  operands: { what: "NAME", min: 0, max: presetNames.length },
  examples: [
    ["megaflow bench gen f100k-m64 --out-dir /tmp/w", "The files of one named workload."],
    [
      "megaflow bench gen --flows 1M --packets 1M --zipf 1.1 --masks 32",
      "A million skewed connections under 32 masks.",
    ],
    ["megaflow bench gen scan --churn 0.9", "A port scan that is nine tenths of the traffic."],
  ],
};

/** Runs the command. */
export function run(args: Arguments): void {
  const folder = args.text("out-dir") ?? ".";
  const changes = readChanges(args);
  const names = args.operands.length > 0 ? args.operands : ["workload"];
  for (const name of names) {
    const preset = args.operands.length > 0 ? presets[name] : {};
    if (preset === undefined || (args.operands.length > 0 && !Object.hasOwn(presets, name))) {
      throw new UsageError(`unknown workload "${name}"; there are ${presetNames.join(", ")}`);
    }
    const workload = completeSpec({ ...preset, ...changes });
    report(args, name, workload, writeWorkload(workload, folder, name));
  }
}

function readChanges(args: Arguments): Partial<WorkloadSpec> {
  const changes: { -readonly [K in keyof WorkloadSpec]?: WorkloadSpec[K] } = {};
  for (const key of ["flows", "packets", "masks", "rules"] as const) {
    const text = args.text(key);
    if (text !== undefined) changes[key] = parseCount(key, text);
  }
  const megaflows = args.text("megaflows-per-mask");
  if (megaflows !== undefined) changes.megaflowsPerMask = parseCount("megaflows-per-mask", megaflows);
  for (const key of ["zipf", "churn", "seed"] as const) {
    const text = args.text(key);
    if (text === undefined) continue;
    if (!/^\d+(\.\d+)?$/.test(text)) throw new UsageError(`--${key} takes a number, got "${text}"`);
    changes[key] = Number(text);
  }
  const size = args.text("size");
  if (size !== undefined) changes.size = parseSize(size);
  const mix = args.text("mix");
  if (mix !== undefined) changes.mix = parseMix(mix);
  const scheme = readWord(args, "scheme", schemeNames);
  if (scheme !== undefined) changes.scheme = scheme as SchemeName;
  const action = readWord(args, "action", actionNames);
  if (action !== undefined) changes.action = action as ActionName;
  return changes;
}

function readWord(args: Arguments, name: string, words: readonly string[]): string | undefined {
  const text = args.text(name);
  if (text === undefined || words.includes(text)) return text;
  throw new UsageError(`--${name} takes one of ${words.join(", ")}, got "${text}"`);
}

function report(args: Arguments, name: string, workload: WorkloadSpec, files: WorkloadFiles): void {
  if (args.flag("json")) process.stdout.write(`${JSON.stringify({ name, ...files, workload })}\n`);
  else
    process.stdout.write(`${files.pcap}: ${files.packets} packets; ${files.flows}: ${files.rules} rules\n`);
}
