// Datapath actions in text, as format-actions.ts prints them, back to data.

import { DropReason } from "../../assembly/layout/stat.ts";
import { OdpSyntaxError } from "../errors.ts";
import {
  type ArpFields,
  type EthFields,
  type IcmpFields,
  type Ipv4Fields,
  type Ipv6Fields,
  type NdExtensionFields,
  type NdFields,
  type OdpAction,
  type OdpPort,
  type PortFields,
  type Transport,
  USERSPACE_MAX_LEN,
} from "./action.ts";
import {
  type Attribute,
  badValue,
  type OdpField,
  splitAttributes,
  splitFields,
  unknownName,
} from "./attribute.ts";
import { parseLses, parseTci } from "./parse.ts";
import { bareField, parseIpv4Field, parseIpv6Field, parseMacField, parseNumber } from "./parse-field.ts";

/** Reads a list of actions; `drop` alone is the empty list. */
export function parseOdpActions(text: string, offset = 0): OdpAction[] {
  const attributes = splitAttributes(text, offset);
  if (attributes.length === 1 && attributes[0]!.name === "drop") return [];
  return attributes.map(parseAction);
}

const ETH_TYPE_VLAN = 0x8100;

const plain: Readonly<Record<string, OdpAction>> = {
  drop: { type: "drop", reason: DropReason.POLICY },
  pop_vlan: { type: "popVlan" },
  dec_ttl: { type: "decTtl" },
  pop_eth: { type: "popEth" },
};

const readers: Readonly<Record<string, (attribute: Attribute) => OdpAction>> = {
  userspace: parseUserspace,
  recirc: (a) => ({ type: "recirc", recircId: single(a, 32) }),
  trunc: (a) => ({ type: "trunc", maxLen: single(a, 32) }),
  meter: (a) => ({ type: "meter", meterId: single(a, 32) }),
  sample: parseSample,
  clone: (a) => ({ type: "clone", actions: parseOdpActions(a.body ?? "", a.bodyAt) }),
  hash: parseHash,
  check_pkt_len: parseCheckPktLen,
  push_vlan: (a) => ({
    type: "pushVlan",
    tpid: named(a, "tpid", 16) ?? ETH_TYPE_VLAN,
    tci: parseTci(a).value & 0xefff,
  }),
  push_mpls: (a) => ({
    type: "pushMpls",
    lse: parseLses(a)[0]?.value ?? 0,
    ethertype: named(a, "eth_type", 16) ?? 0x8847,
  }),
  pop_mpls: (a) => ({ type: "popMpls", ethertype: named(a, "eth_type", 16) ?? 0 }),
  push_eth: parsePushEth,
  set: parseSet,
};

function parseAction(attribute: Attribute): OdpAction {
  const { name, at, body } = attribute;
  if (body === undefined) {
    const action = Object.hasOwn(plain, name) ? plain[name] : undefined;
    if (action !== undefined) return action;
    if (/^\d+$/.test(name)) return { type: "output", port: Number(name) as OdpPort };
    throw unknownName("action", name, at, "a port number or an action");
  }
  const read = Object.hasOwn(readers, name) ? readers[name] : undefined;
  if (read === undefined) throw unknownName("action", name, at, Object.keys(readers).join(", "));
  return read(attribute);
}

/** The number that is all of an attribute's body. */
function single(attribute: Attribute, bits: number): number {
  return parseNumber(bareField(attribute.name, attribute.body ?? "", attribute.bodyAt), bits).value;
}

/** The number that a field of an attribute has, or undefined. */
function named(attribute: Attribute, name: string, bits: number): number | undefined {
  const field = splitFields(attribute).find((candidate) => candidate.name === name);
  return field && parseNumber(field, bits).value;
}

/** `userspace(pid=0,userdata(0000002a00000000))` names a cookie; anything else is kept as its note. */
function parseUserspace({ body, bodyAt, at }: Attribute): OdpAction {
  const rest = /^pid=\d+(?:,(.*))?$/.exec(body ?? "");
  if (rest === null)
    throw new OdpSyntaxError("bad userspace action", { column: at + 1, expected: "userspace(pid=0,...)" });
  const note = rest[1];
  const userdata = /^userdata\(([0-9a-f]{8})(?:00000000)?\)$/.exec(note ?? "");
  if (userdata !== null)
    return { type: "userspace", cookie: Number.parseInt(userdata[1]!, 16), maxLen: USERSPACE_MAX_LEN };
  splitAttributes(note ?? "", bodyAt);
  return { type: "userspace", cookie: 0, maxLen: USERSPACE_MAX_LEN, ...(note === undefined ? {} : { note }) };
}

function parseSample(attribute: Attribute): OdpAction {
  const body = attribute.body ?? "";
  const percent = /^sample=(\d+(?:\.\d+)?)%,/.exec(body);
  const inner =
    percent === null
      ? []
      : splitAttributes(body.slice(percent[0].length), attribute.bodyAt + percent[0].length);
  const [list] = inner;
  if (percent === null || Number(percent[1]) > 100 || list?.name !== "actions" || list.body === undefined) {
    throw new OdpSyntaxError("bad sample action", {
      column: attribute.at + 1,
      expected: "sample(sample=P%,actions(...))",
    });
  }
  const probability = Math.min(Math.round((Number(percent[1]) / 100) * 2 ** 32), 0xffffffff);
  return { type: "sample", probability, actions: parseOdpActions(list.body, list.bodyAt) };
}

function parseHash(attribute: Attribute): OdpAction {
  const [algorithm] = splitAttributes(attribute.body ?? "", attribute.bodyAt);
  if (algorithm?.name !== "l4" && algorithm?.name !== "sym_l4") {
    throw unknownName("hash", algorithm?.name ?? "", attribute.bodyAt, "l4(BASIS) or sym_l4(BASIS)");
  }
  return { type: "hash", algorithm: algorithm.name === "l4" ? "l4" : "symL4", basis: single(algorithm, 32) };
}

function parseCheckPktLen(attribute: Attribute): OdpAction {
  const [size, greater, lessEqual] = splitAttributes(attribute.body ?? "", attribute.bodyAt);
  const length = /^size=(\d+)$/.exec(size?.name ?? "");
  if (length === null || greater?.name !== "gt" || lessEqual?.name !== "le") {
    const expected = "check_pkt_len(size=N,gt(...),le(...))";
    throw new OdpSyntaxError("bad check_pkt_len action", { column: attribute.at + 1, expected });
  }
  return {
    type: "checkPktLen",
    pktLen: Number(length[1]),
    greater: parseOdpActions(greater.body ?? "", greater.bodyAt),
    lessEqual: parseOdpActions(lessEqual.body ?? "", lessEqual.bodyAt),
  };
}

function parsePushEth(attribute: Attribute): OdpAction {
  const fields = new Map(splitFields(attribute).map((field) => [field.name, field]));
  const address = (name: string): bigint => {
    const field = fields.get(name);
    return field === undefined ? 0n : parseMacField(field).value;
  };
  return {
    type: "pushEth",
    src: address("src"),
    dst: address("dst"),
    ethertype: named(attribute, "eth_type", 16) ?? 0,
  };
}

const transports: readonly Transport[] = ["tcp", "udp", "sctp"];

/** `set(KEY(...))`: value and mask of the fields that are named. */
function parseSet(attribute: Attribute): OdpAction {
  const [key] = splitAttributes(attribute.body ?? "", attribute.bodyAt);
  if (key?.body === undefined)
    throw new OdpSyntaxError("bad set action", { column: attribute.at + 1, expected: "set(KEY(...))" });
  const transport = transports.find((name) => name === key.name);
  if (transport !== undefined)
    return { type: "setPorts", transport, ...setFields<PortFields>(key, { src: 16, dst: 16 }) };
  switch (key.name) {
    case "eth":
      return { type: "setEth", ...setFields<EthFields>(key, { src: "mac", dst: "mac" }) };
    case "vlan": {
      const { value, mask } = parseTci(key);
      return { type: "setVlan", value: value & mask & 0xefff, mask: mask & 0xefff };
    }
    case "ipv4":
      return { type: "setIpv4", ...setFields<Ipv4Fields>(key, { src: "ipv4", dst: "ipv4", tos: 8, ttl: 8 }) };
    case "ipv6": {
      const kinds = { src: "ipv6", dst: "ipv6", label: 20, tclass: 8, hopLimit: 8 } as const;
      return { type: "setIpv6", ...setFields<Ipv6Fields>(key, kinds, { hlimit: "hopLimit" }) };
    }
    case "icmp":
    case "icmpv6":
      return {
        type: "setIcmp",
        version: key.name === "icmp" ? 4 : 6,
        ...setFields<IcmpFields>(key, { type: 8, code: 8 }),
      };
    case "arp": {
      const kinds = { op: 16, spa: "ipv4", tpa: "ipv4", sha: "mac", tha: "mac" } as const;
      return { type: "setArp", ...setFields<ArpFields>(key, kinds, { sip: "spa", tip: "tpa" }) };
    }
    case "nd":
      return { type: "setNd", ...setFields<NdFields>(key, { target: "ipv6", sll: "mac", tll: "mac" }) };
    case "nd_ext": {
      const names = { nd_reserved: "reserved", nd_options_type: "optionsType" } as const;
      return {
        type: "setNdExtensions",
        ...setFields<NdExtensionFields>(key, { reserved: 32, optionsType: 8 }, names),
      };
    }
    case "mpls":
      return { type: "setMpls", ...(parseLses(key)[0] ?? { value: 0, mask: 0 }) };
    case "skb_mark":
      return { type: "setMark", ...parseNumber(bareField(key.name, key.body, key.bodyAt), 32) };
    case "skb_priority":
      return { type: "setPriority", value: single(key, 32) };
    default:
      throw unknownName(
        "key to set",
        key.name,
        key.at,
        "eth, vlan, ipv4, ipv6, tcp, udp, sctp, icmp, arp, nd, mpls ...",
      );
  }
}

type FieldKind = number | "mac" | "ipv4" | "ipv6";

/** Reads the fields of a set action; `rename` maps printed names to ours. */
function setFields<T extends { [K in keyof T]: number | bigint }>(
  attribute: Attribute,
  kinds: Readonly<Record<keyof T & string, FieldKind>>,
  rename: Readonly<Record<string, keyof T & string>> = {},
): { value: T; mask: T } {
  const value: Record<string, number | bigint> = {};
  const mask: Record<string, number | bigint> = {};
  const names = Object.keys(kinds) as (keyof T & string)[];
  for (const name of names) value[name] = mask[name] = isWide(kinds[name]) ? 0n : 0;
  for (const field of splitFields(attribute)) {
    const name = Object.hasOwn(rename, field.name) ? rename[field.name]! : field.name;
    const kind = Object.hasOwn(kinds, name) ? kinds[name as keyof T & string] : undefined;
    if (kind === undefined)
      throw unknownName(`field of ${attribute.name}`, field.name, field.at, names.join(", "));
    const parsed = readField(field, kind);
    if (
      typeof parsed.value === "bigint" ? (parsed.value & ~(parsed.mask as bigint)) !== 0n : hasOutside(parsed)
    ) {
      throw badValue(field, "a value within its mask");
    }
    value[name] = parsed.value;
    mask[name] = parsed.mask;
  }
  return { value: value as T, mask: mask as T };
}

function isWide(kind: FieldKind): boolean {
  return kind === "mac" || kind === "ipv6";
}

function readField(field: OdpField, kind: FieldKind): { value: number | bigint; mask: number | bigint } {
  if (kind === "mac") return parseMacField(field);
  if (kind === "ipv6") return parseIpv6Field(field);
  return kind === "ipv4" ? parseIpv4Field(field) : parseNumber(field, kind);
}

function hasOutside({ value, mask }: { value: number | bigint; mask: number | bigint }): boolean {
  return (Number(value) & ~Number(mask)) !== 0;
}
