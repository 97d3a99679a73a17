// Random matches and actions, for round trips through text. Every match meets its own prerequisites.

import fc from "fast-check";
import type { OfAction } from "../../../../src/openflow/action.ts";
import { FIELDS, type Field, fieldOf, type Subfield } from "../../../../src/openflow/field.ts";
import { fieldGet, ones } from "../../../../src/openflow/field-value.ts";
import { type Match, matchClearField, matchCreate, matchSetField } from "../../../../src/openflow/match.ts";
import { normalizeMatch } from "../../../../src/openflow/match-normalize.ts";
import {
  OFPP_CONTROLLER,
  OFPP_IN_PORT,
  OFPP_LOCAL,
  OFPP_NONE,
  type OfPort,
} from "../../../../src/openflow/port.ts";
import { prereqMetByMatch } from "../../../../src/openflow/prereq.ts";

/** A value within the bits that a field has. */
export function fieldValue(field: Field): fc.Arbitrary<bigint> {
  return fc.oneof(
    fc.bigInt(0n, field.valueMask).map((value) => value & field.valueMask),
    fc.constant(field.valueMask),
    fc.constantFrom(0n, 1n & field.valueMask),
  );
}

const kinds: readonly (readonly [field: string, value: bigint])[][] = [
  [],
  [["eth_type", 0x88ccn]],
  [["eth_type", 0x0806n]],
  [["eth_type", 0x8035n]],
  [["eth_type", 0x8847n]],
  [["eth_type", 0x0800n]],
  [["eth_type", 0x86ddn]],
  ...[0x0800n, 0x86ddn].flatMap((type) =>
    [1n, 6n, 17n, 58n, 132n, 200n].map((proto): [string, bigint][] => [
      ["eth_type", type],
      ["nw_proto", proto],
    ]),
  ),
  [
    ["eth_type", 0x86ddn],
    ["nw_proto", 58n],
    ["icmpv6_type", 135n],
    ["icmpv6_code", 0n],
  ],
  [
    ["eth_type", 0x86ddn],
    ["nw_proto", 58n],
    ["icmpv6_type", 136n],
    ["icmpv6_code", 0n],
  ],
];

/** Fields that a rule can match on and that text can say in every combination of bits. */
const matchable = FIELDS.filter(
  (field) =>
    !["skb_priority", "tun_ttl", "tun_tos", "packet_type", "in_port", "tun_gbp_flags", "ct_zone"].includes(
      field.name,
    ) &&
    !["eth_type", "nw_proto", "icmp_type", "icmp_code", "icmpv6_type", "icmpv6_code", "arp_op"].includes(
      field.name,
    ) &&
    !field.name.startsWith("vlan") &&
    !field.name.startsWith("dl_vlan"),
);

/** Masks of vlan_tci that text can say. */
const tciMasks = [0x1fffn, 0xf000n, 0xffffn, 0x1000n, 0x0fffn, 0xe0ffn];

/** A match whose fields' prerequisites are met. */
export const arbitraryMatch: fc.Arbitrary<Match> = fc
  .record({
    kind: fc.constantFrom(...kinds),
    picks: fc.array(
      fc
        .constantFrom(...matchable)
        .chain((field) =>
          fc.record({ field: fc.constant(field), value: fieldValue(field), mask: fieldValue(field) }),
        ),
      { maxLength: 6 },
    ),
    tci: fc.option(fc.record({ value: fc.bigInt(0n, 0xffffn), mask: fc.constantFrom(...tciMasks) })),
  })
  .map(({ kind, picks, tci }) => {
    const match = matchCreate();
    for (const [name, value] of kind) matchSetField(match, fieldOf(name), value);
    if (kind.length > 0) matchSetField(match, fieldOf("packet_type"), 0n);
    if (tci !== null) matchSetField(match, fieldOf("vlan_tci"), tci.value, tci.mask);
    if (tci !== null) matchSetField(match, fieldOf("packet_type"), 0n);
    for (const { field, value, mask } of picks) {
      if (!prereqMetByMatch(field.prereq, match.words, match.mask)) continue;
      const whole = field.maskable === "none" || field.name === "ip_frag" || mask === 0n;
      matchSetField(match, field, sensible(field, value), whole ? field.valueMask : mask);
      if (field.prereq !== "none") matchSetField(match, fieldOf("packet_type"), 0n);
    }
    const frag = fieldOf("ip_frag");
    if (fieldGet(match.words, frag) === 3n) matchClearField(match, frag);
    normalizeMatch(match);
    return match;
  });

/** A port field holds a port that has a number or a name, ip_frag a combination that has a word. */
function sensible(field: Field, value: bigint): bigint {
  if (field.name === "ip_frag") return value === 2n ? 3n : value;
  if (field.format !== "port") return value;
  return value % 3n === 0n ? BigInt(OFPP_LOCAL) : value % 0xff00n;
}

const writable = FIELDS.filter(
  (field) =>
    field.writable &&
    field.prereq === "none" &&
    !field.name.startsWith("ct_") &&
    !field.name.startsWith("tun_"),
);

function subfieldOf(field: Field): fc.Arbitrary<Subfield> {
  return fc.integer({ min: 0, max: field.width - 1 }).chain((offset) =>
    fc.record({
      field: fc.constant(field),
      offset: fc.constant(offset),
      width: fc.integer({ min: 1, max: field.width - offset }),
    }),
  );
}

const arbitrarySubfield: fc.Arbitrary<Subfield> = fc.constantFrom(...writable).chain(subfieldOf);
const bit: fc.Arbitrary<Subfield> = arbitrarySubfield.map((part) => ({ ...part, width: 1 }));
const switchPort = fc.integer({ min: 1, max: 0xfeff }).map((number) => number as OfPort);
const anyPort = fc.oneof(switchPort, fc.constantFrom(OFPP_LOCAL, OFPP_IN_PORT));
const u8 = fc.integer({ min: 0, max: 255 });
const u16 = fc.integer({ min: 0, max: 65535 });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u64 = fc.bigInt(0n, ones(64));
const bytes = fc.uint8Array({ maxLength: 8 });

const setField: fc.Arbitrary<OfAction> = fc.constantFrom(...writable).chain((field) =>
  fc.record({ value: fieldValue(field), mask: fieldValue(field) }).map(({ value, mask }): OfAction => {
    const bits = field.maskable === "none" || mask === 0n ? field.valueMask : mask;
    const plain = field.quirk === "dlVlan" ? 5n : sensible(field, value);
    return { type: "setField", field, value: plain & bits, mask: bits, load: false };
  }),
);

const load: fc.Arbitrary<OfAction> = arbitrarySubfield
  .filter((part) => part.width <= 64)
  .chain((part) =>
    fc.bigInt(0n, ones(part.width)).map((value): OfAction => {
      const shift = BigInt(part.offset);
      return {
        type: "setField",
        field: part.field,
        value: value << shift,
        mask: ones(part.width) << shift,
        load: true,
      };
    }),
  );

const move: fc.Arbitrary<OfAction> = fc
  .tuple(arbitrarySubfield, arbitrarySubfield)
  .map(([src, dst]): OfAction => {
    const width = Math.min(src.width, dst.width);
    return { type: "move", src: { ...src, width }, dst: { ...dst, width } };
  });

const learn: fc.Arbitrary<OfAction> = fc.record({
  type: fc.constant("learn" as const),
  tableId: fc.integer({ min: 0, max: 254 }),
  priority: u16,
  idleTimeout: u16,
  hardTimeout: u16,
  finIdleTimeout: u16,
  finHardTimeout: u16,
  cookie: u64,
  sendFlowRem: fc.boolean(),
  deleteLearned: fc.boolean(),
  limit: u32,
  resultDst: fc.option(bit, { nil: undefined }),
  specs: fc.array(
    fc
      .constantFrom(...writable.filter((field) => field.oxm.length > 0))
      .chain(subfieldOf)
      .chain((dst) =>
        fc.bigInt(0n, ones(dst.width)).map((value) => {
          const whole = dst.width === dst.field.width;
          const immediate = whole ? sensible(dst.field, value) & dst.field.valueMask : value;
          return {
            kind: whole ? ("match" as const) : ("load" as const),
            src: undefined,
            immediate,
            dst,
            width: dst.width,
          };
        }),
      ),
    { maxLength: 3 },
  ),
});

const leaf: fc.Arbitrary<OfAction> = fc.oneof(
  anyPort.map((to): OfAction => ({ type: "output", port: to, maxLen: 0 })),
  u16.map((maxLen): OfAction => ({ type: "output", port: OFPP_CONTROLLER, maxLen })),
  arbitrarySubfield.map((src): OfAction => ({ type: "outputReg", src, maxLen: 65535 })),
  fc
    .tuple(switchPort, fc.integer({ min: 14, max: 70000 }))
    .map(([to, maxLen]): OfAction => ({ type: "outputTrunc", port: to, maxLen })),
  u32.map((groupId): OfAction => ({ type: "group", groupId })),
  fc.tuple(anyPort, u32).map(([to, queueId]): OfAction => ({ type: "enqueue", port: to, queueId })),
  fc.record({
    type: fc.constant("controller" as const),
    reason: fc.constantFrom("no_match" as const, "invalid_ttl" as const),
    maxLen: u16,
    controllerId: u16,
    userdata: bytes,
    pause: fc.boolean(),
    meterId: u32,
  }),
  setField,
  load,
  move,
  learn,
  u8.map((vid): OfAction => ({ type: "setVlanVid", vid: vid * 16, pushIfNeeded: true })),
  u8.map((pcp): OfAction => ({ type: "setVlanPcp", pcp: pcp % 8, pushIfNeeded: true })),
  fc.constantFrom<OfAction>(
    { type: "stripVlan" },
    { type: "exit" },
    { type: "popQueue" },
    { type: "decMplsTtl" },
  ),
  fc.bigInt(0n, ones(48)).map((mac): OfAction => ({ type: "setEthSrc", mac })),
  u32.map((address): OfAction => ({ type: "setIpv4Dst", address })),
  u16.map((to): OfAction => ({ type: "setL4Src", port: to })),
  fc
    .array(u16, { minLength: 1, maxLength: 3 })
    .map((controllerIds): OfAction => ({ type: "decTtl", controllerIds })),
  u16.map((ethertype): OfAction => ({ type: "popMpls", ethertype })),
  arbitrarySubfield.map((src): OfAction => ({ type: "push", src })),
  arbitrarySubfield.map((dst): OfAction => ({ type: "pop", dst })),
  u32.map((queueId): OfAction => ({ type: "setQueue", queueId })),
  fc.tuple(switchPort, u8).map(([inPort, tableId]): OfAction => ({ type: "resubmit", inPort, tableId })),
  fc
    .integer({ min: 0, max: 254 })
    .map((tableId): OfAction => ({ type: "resubmit", inPort: OFPP_IN_PORT, tableId })),
  fc.record({
    type: fc.constant("sample" as const),
    probability: fc.integer({ min: 1, max: 65535 }),
    collectorSetId: u32,
    obsDomainId: u32,
    obsPointId: u32,
    samplingPort: fc.oneof(switchPort, fc.constant(OFPP_NONE)),
    direction: fc.constantFrom("default" as const, "ingress" as const, "egress" as const),
  }),
  fc.tuple(u16, bit).map(([pktLen, dst]): OfAction => ({ type: "checkPktLarger", pktLen, dst })),
  fc.record({
    type: fc.constant("bundle" as const),
    fields: fc.constantFrom("eth_src" as const, "symmetric_l3l4+udp" as const),
    basis: u16,
    algorithm: fc.constantFrom("hrw" as const, "active_backup" as const),
    members: fc.array(switchPort, { maxLength: 4 }),
    dst: fc.option(arbitrarySubfield, { nil: undefined }),
  }),
  fc.record({
    type: fc.constant("multipath" as const),
    fields: fc.constantFrom("nw_src" as const, "symmetric_l4" as const),
    basis: u16,
    algorithm: fc.constantFrom("modulo_n" as const, "iter_hash" as const),
    linkCount: fc.integer({ min: 1, max: 2 }),
    arg: u32,
    dst: arbitrarySubfield,
  }),
);

/** An action that stands in any list, a clone of some included. */
export const arbitraryAction: fc.Arbitrary<OfAction> = fc.oneof(
  { weight: 9, arbitrary: leaf },
  {
    weight: 1,
    arbitrary: fc.array(leaf, { maxLength: 3 }).map((actions): OfAction => ({ type: "clone", actions })),
  },
);
