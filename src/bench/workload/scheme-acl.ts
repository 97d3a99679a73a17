// Access lists in the manner of ClassBench (D. Taylor, J. Turner, 2007): prefixes that share ancestors,
// joint prefix lengths, port classes and protocols as they occur in access lists, firewalls and IP
// chains. The distributions are small tables of our own; ranges become prefix matches, as OpenFlow needs.
import { packetKind } from "./packet-kind.ts";
import { Random, scramble } from "./random.ts";
import type { WorkloadSpec } from "./spec.ts";
import { ipv4Text, prefixMask, type Scheme, type Tuple } from "./tuple.ts";

type Weighted<T> = readonly (readonly [T, number])[];
type PortClass = "any" | "high" | "low" | "exact" | "range";
type Protocol = "tcp" | "udp" | "icmp" | "ip";

interface Profile {
  /** Source and destination prefix lengths, drawn together. */
  readonly lengths: Weighted<readonly [number, number]>;
  readonly protocols: Weighted<Protocol>;
  readonly sourcePorts: Weighted<PortClass>;
  readonly targetPorts: Weighted<PortClass>;
  /** How unevenly a branch of the address tree is used: 0 evenly, 1 one side only. */
  readonly skew: number;
}

// biome-ignore format: a table
const profiles: Record<"acl" | "fw" | "ipc", Profile> = {
  acl: {
    lengths: [[[0, 32], 12], [[8, 32], 4], [[16, 32], 6], [[24, 32], 20], [[32, 32], 22], [[24, 24], 14], [[16, 24], 6], [[0, 24], 8], [[28, 30], 5], [[21, 27], 3]],
    protocols: [["tcp", 76], ["udp", 16], ["icmp", 3], ["ip", 5]],
    sourcePorts: [["any", 98], ["exact", 2]],
    targetPorts: [["any", 12], ["high", 5], ["exact", 70], ["range", 13]],
    skew: 0.7,
  },
  fw: {
    lengths: [[[0, 32], 26], [[32, 0], 16], [[0, 24], 12], [[24, 0], 8], [[32, 32], 14], [[24, 32], 8], [[16, 24], 6], [[0, 0], 2], [[12, 28], 4], [[27, 19], 4]],
    protocols: [["tcp", 56], ["udp", 26], ["icmp", 8], ["ip", 10]],
    sourcePorts: [["any", 68], ["high", 16], ["low", 6], ["exact", 10]],
    targetPorts: [["any", 30], ["high", 12], ["exact", 44], ["range", 14]],
    skew: 0.5,
  },
  ipc: {
    lengths: [[[32, 32], 24], [[24, 32], 14], [[32, 24], 10], [[24, 24], 10], [[16, 16], 8], [[0, 32], 12], [[32, 0], 6], [[20, 28], 5], [[29, 25], 5], [[13, 32], 6]],
    protocols: [["tcp", 60], ["udp", 24], ["icmp", 6], ["ip", 10]],
    sourcePorts: [["any", 84], ["high", 6], ["exact", 10]],
    targetPorts: [["any", 34], ["high", 8], ["low", 3], ["exact", 45], ["range", 10]],
    skew: 0.6,
  },
};

const servicePorts: Weighted<number> = [
  [80, 20],
  [443, 24],
  [25, 8],
  [53, 10],
  [22, 8],
  [123, 4],
  [1521, 3],
  [3306, 3],
  [8080, 5],
  [0, 15],
];
/** Share of rules that let the packet pass; the others drop it. */
const PERMIT_SHARE = 0.85;

interface PortRange {
  readonly first: number;
  readonly last: number;
}

interface AclRule {
  readonly protocol: Protocol;
  readonly source: number;
  readonly sourceLength: number;
  readonly target: number;
  readonly targetLength: number;
  readonly sourcePort: PortRange;
  readonly targetPort: PortRange;
  readonly permit: boolean;
}

const allPorts: PortRange = { first: 0, last: 65535 };

/** Connections and rules for the schemes `acl`, `fw` and `ipc`; the first rule has the highest priority. */
export function aclScheme(spec: WorkloadSpec): Scheme {
  const profile = profiles[spec.scheme as keyof typeof profiles];
  const random = new Random(spec.seed, `rules ${spec.scheme}`);
  const rules = Array.from({ length: spec.rules }, () => drawRule(profile, random));
  return {
    *rules() {
      for (let i = 0; i < rules.length; i++) yield* ruleLines(rules[i]!, Math.max(1, 60000 - i));
      yield "priority=0 actions=drop";
    },
    fill(flow, tuple) {
      fillFromRule(rules[scramble(flow ^ spec.seed) % rules.length]!, flow, tuple);
    },
  };
}

/** Prefixes that together cover a range of ports exactly, as [value, mask]. */
export function portPrefixes(range: { first: number; last: number }): [number, number][] {
  const prefixes: [number, number][] = [];
  let first = range.first;
  while (first <= range.last) {
    let size = 1;
    while (first % (size * 2) === 0 && first + size * 2 - 1 <= range.last && size < 65536) size *= 2;
    prefixes.push([first, 65536 - size]);
    first += size;
  }
  return prefixes;
}

function drawRule(profile: Profile, random: Random): AclRule {
  const [sourceLength, targetLength] = random.weighted(profile.lengths);
  const protocol = random.weighted(profile.protocols);
  const ports = protocol === "tcp" || protocol === "udp";
  return {
    protocol,
    source: drawAddress(sourceLength, profile.skew, 1, random),
    sourceLength,
    target: drawAddress(targetLength, profile.skew, 2, random),
    targetLength,
    sourcePort: ports ? drawPorts(random.weighted(profile.sourcePorts), random) : allPorts,
    targetPort: ports ? drawPorts(random.weighted(profile.targetPorts), random) : allPorts,
    permit: random.unit() < PERMIT_SHARE,
  };
}

/** Walks down a binary tree whose every branch prefers one side, so that prefixes share ancestors. */
function drawAddress(length: number, skew: number, salt: number, random: Random): number {
  let address = 0;
  for (let level = 0; level < length; level++) {
    const preferred = scramble(address ^ Math.imul(level + 1, 0x9e3779b1) ^ salt) & 1;
    const bit = random.unit() < 0.5 + skew / 2 ? preferred : 1 - preferred;
    address = (address | (bit << (31 - level))) >>> 0;
  }
  return address;
}

function drawPorts(kind: PortClass, random: Random): PortRange {
  if (kind === "any") return allPorts;
  if (kind === "high") return { first: 1024, last: 65535 };
  if (kind === "low") return { first: 0, last: 1023 };
  if (kind === "exact") {
    const port = random.weighted(servicePorts) || 1024 + random.below(64512);
    return { first: port, last: port };
  }
  const first = 1024 + random.below(60000);
  return { first, last: Math.min(65535, first + 1 + random.below(400)) };
}

function* ruleLines(rule: AclRule, priority: number): Iterable<string> {
  const fields = [`priority=${priority}`, "in_port=1", rule.protocol];
  if (rule.sourceLength > 0) fields.push(`nw_src=${ipv4Text(rule.source)}/${rule.sourceLength}`);
  if (rule.targetLength > 0) fields.push(`nw_dst=${ipv4Text(rule.target)}/${rule.targetLength}`);
  const actions = rule.permit ? "output:2" : "drop";
  for (const source of portPrefixes(rule.sourcePort)) {
    for (const target of portPrefixes(rule.targetPort)) {
      yield [...fields, ...portMatch("src", source), ...portMatch("dst", target)].join(",") +
        ` actions=${actions}`;
    }
  }
}

function portMatch(side: "src" | "dst", [value, mask]: [number, number]): string[] {
  if (mask === 0) return [];
  return [
    mask === 0xffff ? `tp_${side}=${value}` : `tp_${side}=0x${value.toString(16)}/0x${mask.toString(16)}`,
  ];
}

/** A packet in the rule's corner of the header space; bits the rule leaves open are random. */
function fillFromRule(rule: AclRule, flow: number, tuple: Tuple): void {
  const low = scramble(flow ^ 0x51ed270b);
  const high = scramble(low ^ flow);
  const udp = rule.protocol === "udp" || (rule.protocol !== "tcp" && (low & 1) === 1);
  tuple.kind = packetKind(udp ? "udp" : "tcp")!;
  tuple.source[3] = (rule.source | (low & ~prefixMask(rule.sourceLength))) >>> 0;
  tuple.target[3] = (rule.target | (high & ~prefixMask(rule.targetLength))) >>> 0;
  tuple.sourcePort = within(rule.sourcePort, flow);
  tuple.targetPort = within(rule.targetPort, high);
}

function within(range: PortRange, value: number): number {
  return range.first + ((Math.imul(value, 0x9e3779b1) >>> 8) % (range.last - range.first + 1));
}
