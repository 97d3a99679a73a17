// What a workload is: the options of the generator, their defaults and their limits.
import { ConfigError } from "../../errors.ts";
import { packetKind, packetKinds } from "./packet-kind.ts";

/** Rule sets the generator knows. */
export const schemeNames = ["masks", "port", "exact", "acl", "fw", "ipc", "scan", "explosion"] as const;
export type SchemeName = (typeof schemeNames)[number];

/** What the rules of the schemes `masks` and `exact` do with a packet. */
export const actionNames = ["output", "set-mac-ttl", "push-vlan", "multicast"] as const;
export type ActionName = (typeof actionNames)[number];

/** A workload; every field has a default (`defaultSpec`). */
export interface WorkloadSpec {
  seed: number;
  scheme: SchemeName;
  /** Packets of the trace. */
  packets: number;
  /** Connections that are alive at any moment. */
  flows: number;
  /** Distinct datapath masks that the rules make (scheme `masks`). */
  masks: number;
  /** Megaflows of each mask (scheme `masks` with more than one mask): 1 to 64. */
  megaflowsPerMask: number;
  /** Rules (schemes `acl`, `fw`, `ipc`). */
  rules: number;
  /** Exponent of the Zipf popularity; 0 is uniform. */
  zipf: number;
  /** Share of packets that start a new connection in place of an old one, 0 to 1. */
  churn: number;
  /** Frame bytes without FCS, or `imix`: 60, 566 and 1514 bytes as 7:4:1. */
  size: number | "imix";
  /** Packet kinds with their weights. */
  mix: readonly (readonly [string, number])[];
  action: ActionName;
}

/** The workload when nothing is said. */
export const defaultSpec: Readonly<WorkloadSpec> = {
  seed: 1,
  scheme: "masks",
  packets: 131072,
  flows: 1000,
  masks: 1,
  megaflowsPerMask: 4,
  rules: 1000,
  zipf: 0,
  churn: 0,
  size: 60,
  mix: [["udp", 1]],
  action: "output",
};

/** Most masks that the scheme `masks` can make: 16 source prefix lengths by 32 destination ones. */
const MASKS_MAX = 512;
const FLOWS_MAX = 4_000_000;
const PACKETS_MAX = 64_000_000;
const FRAME_MIN = 60;
const FRAME_MAX = 1514;

/** Fills in the defaults and checks every limit. Throws ConfigError naming the option. */
export function completeSpec(partial: Partial<WorkloadSpec>): WorkloadSpec {
  const spec: WorkloadSpec = { ...defaultSpec, ...partial };
  checkRange("flows", spec.flows, 1, FLOWS_MAX);
  checkRange("packets", spec.packets, 1, PACKETS_MAX);
  checkRange("masks", spec.masks, 1, Math.min(MASKS_MAX, spec.flows));
  checkRange("megaflows-per-mask", spec.megaflowsPerMask, 1, 64);
  checkRange("rules", spec.rules, 1, 200_000);
  checkRange("zipf", spec.zipf, 0, 4, false);
  checkRange("churn", spec.churn, 0, 1, false);
  if (spec.size !== "imix") checkRange("size", spec.size, FRAME_MIN, FRAME_MAX);
  if (spec.mix.length === 0) throw new ConfigError("the mix of packet kinds is empty");
  for (const [name, weight] of spec.mix) {
    if (!packetKind(name)) {
      throw new ConfigError(
        `unknown packet kind "${name}": one of ${packetKinds.map((kind) => kind.name).join(", ")}`,
      );
    }
    if (!(weight > 0))
      throw new ConfigError(`packet kind ${name}: the weight must be above 0, not ${weight}`);
  }
  return spec;
}

/** Reads a count such as `1000`, `100k` or `1M`. Throws ConfigError. */
export function parseCount(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kM]?)$/.exec(text);
  const value = match
    ? Number(match[1]) * (match[2] === "k" ? 1000 : match[2] === "M" ? 1_000_000 : 1)
    : Number.NaN;
  if (!Number.isInteger(value))
    throw new ConfigError(`--${option}: expected a count like 1000, 100k or 1M, not "${text}"`);
  return value;
}

/** Reads a mix such as `udp:3,tcp6:1`. Throws ConfigError. */
export function parseMix(text: string): [string, number][] {
  return text.split(",").map((part) => {
    const [name = "", weight = "1"] = part.split(":");
    return [name, Number(weight)];
  });
}

/** Reads a frame size: bytes or `imix`. Throws ConfigError. */
export function parseSize(text: string): number | "imix" {
  return text === "imix" ? "imix" : parseCount("size", text);
}

function checkRange(option: string, value: number, least: number, most: number, whole = true): void {
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return;
  throw new ConfigError(
    `--${option}: expected ${whole ? "a whole number" : "a number"} from ${least} to ${most}, not ${value}`,
  );
}
