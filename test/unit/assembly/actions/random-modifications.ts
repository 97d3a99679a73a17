// Random modifying actions: mostly ones that the packet can take, with values and masks that set nothing,
// everything, or any bits.

import type { OdpAction } from "../../../../src/odp/action.ts";
import { etherTypeOf, parseEthernet, parseIp } from "../../../support/plain-headers.ts";
import type { SeededRandom } from "../../../support/seeded-random.ts";

type ModificationType = Exclude<
  OdpAction["type"],
  "output" | "drop" | "userspace" | "recirc" | "trunc" | "sample" | "clone" | "hash" | "meter" | "checkPktLen"
>;

/** Every action type that modifies a packet. */
export const MODIFICATIONS: readonly ModificationType[] = [
  "setEth",
  "pushVlan",
  "popVlan",
  "setVlan",
  "pushMpls",
  "popMpls",
  "setMpls",
  "pushEth",
  "popEth",
  "decTtl",
  "setIpv4",
  "setIpv6",
  "setPorts",
  "setIcmp",
  "setArp",
  "setNd",
  "setNdExtensions",
  "setMark",
  "setPriority",
];

/** An action that the packet can take, three times in four. */
export function randomModification(random: SeededRandom, packet: Buffer): OdpAction {
  const fitting = random.chance(75) ? fittingTypes(packet) : MODIFICATIONS;
  return randomAction(random, random.pick(fitting));
}

/** An action of the type with random operands. */
export function randomAction(random: SeededRandom, type: ModificationType): OdpAction {
  const field = (bits: number) => maskedField(random, bits);
  const small = (bits: number) => smallField(random, bits);
  switch (type) {
    case "setEth":
      return { type, ...fields({ src: field(48), dst: field(48) }) };
    case "pushVlan":
      return { type, tpid: random.pick([0x8100, 0x88a8]), tci: random.int(0, 0xffff) };
    case "setVlan":
    case "setMpls":
    case "setMark":
      return { type, ...small(type === "setVlan" ? 16 : 32) };
    case "pushMpls":
      return { type, ethertype: random.pick([0x8847, 0x8848, 0x8847, 0x0800]), lse: small(32).value };
    case "popMpls":
      return { type, ethertype: random.pick([0x0800, 0x86dd, 0x8847, 0x1234]) };
    case "pushEth":
      return { type, src: random.bits(48), dst: random.bits(48), ethertype: random.pick([0x0800, 0x86dd]) };
    case "popEth":
    case "popVlan":
    case "decTtl":
      return { type };
    case "setPriority":
      return { type, value: small(32).value };
    default:
      return randomIpAction(random, type);
  }
}

function randomIpAction(
  random: SeededRandom,
  type: "setIpv4" | "setIpv6" | "setPorts" | "setIcmp" | "setArp" | "setNd" | "setNdExtensions",
): OdpAction {
  const field = (bits: number) => maskedField(random, bits);
  const small = (bits: number) => smallField(random, bits);
  switch (type) {
    case "setIpv4":
      return { type, ...fields({ src: small(32), dst: small(32), tos: small(8), ttl: small(8) }) };
    case "setIpv6": {
      const bytes = { label: small(20), tclass: small(8), hopLimit: small(8) };
      return { type, ...fields({ src: field(128), dst: field(128), ...bytes }) };
    }
    case "setPorts":
      return { type, transport: "tcp", ...fields({ src: small(16), dst: small(16) }) };
    case "setIcmp":
      return { type, version: 4, ...fields({ type: small(8), code: small(8) }) };
    case "setArp": {
      const addresses = { spa: small(32), tpa: small(32), sha: field(48), tha: field(48) };
      return { type, ...fields({ op: small(16), ...addresses }) };
    }
    case "setNd":
      return { type, ...fields({ target: field(128), sll: field(48), tll: field(48) }) };
    case "setNdExtensions":
      return { type, ...fields({ reserved: small(32), optionsType: small(8) }) };
  }
}

function fittingTypes(packet: Buffer): readonly ModificationType[] {
  const frame = parseEthernet(packet);
  if (frame === undefined) return ["pushEth", "setMark"];
  const types: ModificationType[] = ["setEth", "pushVlan", "pushMpls", "setEth"];
  if (frame.tags.length > 0) types.push("popVlan", "setVlan");
  const etherType = etherTypeOf(frame);
  if (etherType === 0x8847 || etherType === 0x8848) types.push("popMpls", "popMpls", "setMpls");
  if (etherType === 0x0806 || etherType === 0x8035) types.push("setArp", "setArp", "setArp");
  if (etherType !== 0x0800 && etherType !== 0x86dd) return types;
  const network: ModificationType = etherType === 0x0800 ? "setIpv4" : "setIpv6";
  types.push(network, network, network, "decTtl", "decTtl");
  const ip = parseIp(etherType, frame.payload);
  if (ip === undefined || ip.fragment === "later") return types;
  if ([6, 17, 132].includes(ip.protocol)) types.push("setPorts", "setPorts", "setPorts");
  if (ip.protocol === 1 || ip.protocol === 58) types.push("setIcmp", "setIcmp");
  if (ip.protocol === 58) types.push("setNd", "setNd", "setNd", "setNdExtensions");
  return types;
}

interface Field<T> {
  readonly value: T;
  readonly mask: T;
}

/** A value and a mask of so many bits, the value within the mask. */
function maskedField(random: SeededRandom, bits: number): Field<bigint> {
  const all = (1n << BigInt(bits)) - 1n;
  const mask = random.weighted([
    [40, all],
    [25, 0n],
    [35, random.bits(bits)],
  ]);
  const value = random.weighted([
    [10, 0n],
    [10, all],
    [80, random.bits(bits)],
  ]);
  return { value: value & mask, mask };
}

function smallField(random: SeededRandom, bits: number): Field<number> {
  const { value, mask } = maskedField(random, bits);
  return { value: Number(value), mask: Number(mask) };
}

/** Turns {name: {value, mask}} into {value: {name}, mask: {name}}. */
function fields<T extends Record<string, Field<unknown>>>(
  of: T,
): { value: { [K in keyof T]: T[K]["value"] }; mask: { [K in keyof T]: T[K]["mask"] } } {
  const value: Record<string, unknown> = {};
  const mask: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(of)) {
    value[name] = field.value;
    mask[name] = field.mask;
  }
  return { value, mask } as ReturnType<typeof fields<T>>;
}
