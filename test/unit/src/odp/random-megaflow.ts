// Random keys with masks, shaped as packets and megaflows are, and random datapath actions.

import fc from "fast-check";
import {
  KEY_ARP_SHA,
  KEY_ARP_THA,
  KEY_DL_DST,
  KEY_DL_SRC,
  KEY_DP_HASH,
  KEY_ETH_TYPE,
  KEY_IN_PORT,
  KEY_IPV6_DST,
  KEY_IPV6_LABEL,
  KEY_IPV6_SRC,
  KEY_MPLS0,
  KEY_ND_TARGET,
  KEY_NW_DST,
  KEY_NW_FRAG,
  KEY_NW_PROTO,
  KEY_NW_SRC,
  KEY_NW_TOS,
  KEY_NW_TTL,
  KEY_PACKET_TYPE,
  KEY_PKT_MARK,
  KEY_RECIRC_ID,
  KEY_SKB_PRIORITY,
  KEY_TCI0,
  KEY_TCI1,
  KEY_TCP_FLAGS,
  KEY_TP_DST,
  KEY_TP_SRC,
  KEY_TPID0,
  KEY_TPID1,
} from "../../../../assembly/layout/flow-key.ts";
import { DropReason } from "../../../../assembly/layout/stat.ts";
import type { OdpAction, OdpPort } from "../../../../src/odp/action.ts";
import {
  flowKeyCreate,
  getBe,
  setBe,
  setBe16,
  setBe32,
  setLe32,
  setU8,
} from "../../../../src/odp/flow-key.ts";
import type { KeyAndMask } from "../../../../src/odp/parse.ts";

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const mac = fc.bigInt(0n, (1n << 48n) - 1n);
const ipv6 = fc.bigInt(0n, (1n << 128n) - 1n);

/** Value and mask of one field: exact, absent or in between. */
function maskedField(size: number): fc.Arbitrary<{ value: bigint; mask: bigint }> {
  const full = (1n << BigInt(8 * size)) - 1n;
  const mask = fc.oneof(fc.constant(full), fc.constant(0n), fc.bigInt(0n, full));
  return fc
    .record({ value: fc.bigInt(0n, full), mask })
    .map(({ value, mask: bits }) => ({ value: value & bits, mask: bits }));
}

type Shape = readonly (readonly [offset: number, size: number])[];

const layers: readonly { readonly type: number; readonly proto?: number; readonly fields: Shape }[] = [
  { type: 0x05ff, fields: [] },
  { type: 0x88cc, fields: [] },
  {
    type: 0x0806,
    fields: [
      [KEY_NW_SRC, 4],
      [KEY_NW_DST, 4],
      [KEY_NW_PROTO, 1],
      [KEY_ARP_SHA, 6],
      [KEY_ARP_THA, 6],
    ],
  },
  { type: 0x8847, fields: [[KEY_MPLS0, 4]] },
  ...[6, 17, 132, 1, 200].map((proto) => ({
    type: 0x0800,
    proto,
    fields: [
      [KEY_NW_SRC, 4],
      [KEY_NW_DST, 4],
      [KEY_NW_TOS, 1],
      [KEY_NW_TTL, 1],
    ] as Shape,
  })),
  ...[6, 17, 132, 58, 200].map((proto) => ({
    type: 0x86dd,
    proto,
    fields: [
      [KEY_IPV6_SRC, 16],
      [KEY_IPV6_DST, 16],
      [KEY_NW_TOS, 1],
      [KEY_NW_TTL, 1],
    ] as Shape,
  })),
];

/** A key and mask as a megaflow has them: in_port, recirc_id, eth_type and the tags' presence exact. */
export const arbitraryMegaflow: fc.Arbitrary<KeyAndMask> = fc
  .record({
    layer: fc.constantFrom(...layers),
    frag: fc.constantFrom(0, 0, 0, 1, 3),
    tags: fc.array(fc.record({ tci: maskedField(2), tpid: fc.constantFrom(0x8100, 0x88a8) }), {
      maxLength: 2,
    }),
    port: fc.integer({ min: 1, max: 4 }),
    recirc: fc.constantFrom(0, 0, 0, 1, 77),
    metadata: fc.tuple(maskedField(4), maskedField(4), maskedField(4)),
    macs: fc.tuple(maskedField(6), maskedField(6)),
    values: fc.array(maskedField(16), { minLength: 5, maxLength: 5 }),
    ports: fc.tuple(maskedField(2), maskedField(2), maskedField(2)),
    label: maskedField(4),
    isNd: fc.boolean(),
  })
  .map((shape) => {
    const match = { key: flowKeyCreate(), mask: flowKeyCreate() };
    const { key, mask } = match;
    setLe32(key, KEY_IN_PORT, shape.port);
    setLe32(key, KEY_RECIRC_ID, shape.recirc);
    for (const offset of [KEY_IN_PORT, KEY_RECIRC_ID, KEY_PACKET_TYPE]) setLe32(mask, offset, 0xffffffff);
    for (const [i, offset] of [KEY_SKB_PRIORITY, KEY_PKT_MARK, KEY_DP_HASH].entries())
      put(match, offset, 4, shape.metadata[i]!);
    put(match, KEY_DL_SRC, 6, shape.macs[0]);
    put(match, KEY_DL_DST, 6, shape.macs[1]);
    for (const [i, { tci, tpid }] of shape.tags.entries()) {
      put(match, i === 0 ? KEY_TCI0 : KEY_TCI1, 2, { value: tci.value | 0x1000n, mask: tci.mask | 0x1000n });
      setBe16(key, i === 0 ? KEY_TPID0 : KEY_TPID1, tpid);
      setBe16(mask, i === 0 ? KEY_TPID0 : KEY_TPID1, 0xffff);
    }
    setBe16(key, KEY_ETH_TYPE, shape.layer.type);
    setBe16(mask, KEY_ETH_TYPE, 0xffff);
    for (const [i, [offset, size]] of shape.layer.fields.entries())
      put(match, offset, size, shape.values[i]!);
    if (shape.layer.type === 0x8847) setBe32(key, KEY_MPLS0, Number(getBe(key, KEY_MPLS0, 4) | 0x100n));
    if (shape.layer.type === 0x8847) setBe32(mask, KEY_MPLS0, Number(getBe(mask, KEY_MPLS0, 4) | 0x100n));
    if (shape.layer.proto !== undefined) putTransport(match, shape.layer.type, shape.layer.proto, shape);
    return match;
  });

function put(
  { key, mask }: KeyAndMask,
  offset: number,
  size: number,
  field: { value: bigint; mask: bigint },
): void {
  const bits = (1n << BigInt(8 * size)) - 1n;
  setBe(mask, offset, size, field.mask & bits);
  setBe(key, offset, size, field.value & field.mask & bits);
}

interface TransportShape {
  readonly frag: number;
  readonly ports: readonly { value: bigint; mask: bigint }[];
  readonly label: { value: bigint; mask: bigint };
  readonly isNd: boolean;
  readonly values: readonly { value: bigint; mask: bigint }[];
  readonly macs: readonly { value: bigint; mask: bigint }[];
}

function putTransport(match: KeyAndMask, type: number, proto: number, shape: TransportShape): void {
  const { key, mask } = match;
  setU8(key, KEY_NW_PROTO, proto);
  setU8(mask, KEY_NW_PROTO, 0xff);
  setU8(key, KEY_NW_FRAG, shape.frag);
  setU8(mask, KEY_NW_FRAG, 3);
  if (type === 0x86dd)
    put(match, KEY_IPV6_LABEL, 4, { value: shape.label.value & 0xfffffn, mask: shape.label.mask & 0xfffffn });
  if (shape.frag === 3 || proto === 200) return;
  const isIcmp = proto === 1 || proto === 58;
  if (!isIcmp) {
    put(match, KEY_TP_SRC, 2, shape.ports[0]!);
    put(match, KEY_TP_DST, 2, shape.ports[1]!);
    if (proto === 6)
      put(match, KEY_TCP_FLAGS, 2, {
        value: shape.ports[2]!.value & 0xfffn,
        mask: shape.ports[2]!.mask & 0xfffn,
      });
    return;
  }
  const icmpType = proto === 58 && shape.isNd ? 135n : shape.ports[0]!.value & 0x7fn;
  put(match, KEY_TP_SRC, 2, { value: icmpType, mask: 0xffffn });
  put(match, KEY_TP_DST, 2, { value: proto === 58 && shape.isNd ? 0n : 3n, mask: 0xffffn });
  if (proto !== 58 || !shape.isNd) return;
  put(match, KEY_ND_TARGET, 16, shape.values[4]!);
  put(match, KEY_ARP_SHA, 6, shape.macs[0]!);
  put(match, KEY_ARP_THA, 6, shape.macs[1]!);
}

/** Value and mask of the fields of a set action, the value within the mask. */
function setOf<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<{ value: T; mask: T }> {
  return fc.record({ value: fc.record(fields), mask: fc.record(fields) }).map(({ value, mask }) => {
    const inside = { ...value } as Record<string, number | bigint>;
    for (const [name, bits] of Object.entries(mask as Record<string, number | bigint>)) {
      const whole = inside[name]!;
      inside[name] = typeof bits === "bigint" ? (whole as bigint) & bits : ((whole as number) & bits) >>> 0;
    }
    return { value: inside as T, mask: mask as T };
  }) as fc.Arbitrary<{ value: T; mask: T }>;
}

const lse = u32.map((value) => (value | 0x100) >>> 0);

const leafAction: fc.Arbitrary<OdpAction> = fc.oneof(
  u16.map((port): OdpAction => ({ type: "output", port: port as OdpPort })),
  u32.map((cookie): OdpAction => ({ type: "userspace", cookie, maxLen: 65535 })),
  fc.integer({ min: 1, max: 0xffffffff }).map((recircId): OdpAction => ({ type: "recirc", recircId })),
  fc.integer({ min: 14, max: 65535 }).map((maxLen): OdpAction => ({ type: "trunc", maxLen })),
  fc.record({
    type: fc.constant("hash" as const),
    algorithm: fc.constantFrom("l4" as const, "symL4" as const),
    basis: u32,
  }),
  u32.map((meterId): OdpAction => ({ type: "meter", meterId })),
  fc.record({
    type: fc.constant("pushVlan" as const),
    tpid: fc.constantFrom(0x8100, 0x88a8),
    tci: u16.map((tci) => tci & 0xefff),
  }),
  fc.constantFrom<OdpAction>({ type: "popVlan" }, { type: "decTtl" }, { type: "popEth" }),
  fc.record({ type: fc.constant("pushMpls" as const), ethertype: fc.constantFrom(0x8847, 0x8848), lse }),
  u16.map((ethertype): OdpAction => ({ type: "popMpls", ethertype })),
  setOf({ src: mac, dst: mac }).map((fields): OdpAction => ({ type: "setEth", ...fields })),
  fc
    .tuple(u16, u16)
    .map(
      ([value, mask]): OdpAction => ({ type: "setVlan", value: value & mask & 0xefff, mask: mask & 0xefff }),
    ),
  setOf({ src: u32, dst: u32, tos: u8, ttl: u8 }).map(
    (fields): OdpAction => ({ type: "setIpv4", ...fields }),
  ),
  setOf({ src: ipv6, dst: ipv6, label: fc.integer({ min: 0, max: 0xfffff }), tclass: u8, hopLimit: u8 }).map(
    (fields): OdpAction => ({ type: "setIpv6", ...fields }),
  ),
  setOf({ src: u16, dst: u16 }).map(
    (fields): OdpAction => ({ type: "setPorts", transport: "tcp", ...fields }),
  ),
  setOf({ type: u8, code: u8 }).map((fields): OdpAction => ({ type: "setIcmp", version: 4, ...fields })),
  setOf({ op: u16, spa: u32, tpa: u32, sha: mac, tha: mac }).map(
    (fields): OdpAction => ({ type: "setArp", ...fields }),
  ),
  setOf({ target: ipv6, sll: mac, tll: mac }).map((fields): OdpAction => ({ type: "setNd", ...fields })),
  setOf({ reserved: u32, optionsType: u8 }).map(
    (fields): OdpAction => ({ type: "setNdExtensions", ...fields }),
  ),
  fc
    .tuple(u32, u32)
    .map(([value, mask]): OdpAction => ({ type: "setMpls", value: (value & mask) >>> 0, mask })),
  fc
    .tuple(u32, u32)
    .map(([value, mask]): OdpAction => ({ type: "setMark", value: (value & mask) >>> 0, mask })),
  u32.map((value): OdpAction => ({ type: "setPriority", value })),
  fc.record({ type: fc.constant("pushEth" as const), src: mac, dst: mac, ethertype: u16 }),
);

const leaves = fc.array(leafAction, { maxLength: 3 });

/** Any action, nested lists included. */
export const arbitraryOdpAction: fc.Arbitrary<OdpAction> = fc.oneof(
  { weight: 8, arbitrary: leafAction },
  { weight: 1, arbitrary: leaves.map((actions): OdpAction => ({ type: "clone", actions })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(0xffffffff, 0x80000000), leaves)
      .map(([probability, actions]): OdpAction => ({ type: "sample", probability, actions })),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("checkPktLen" as const),
      pktLen: u16,
      greater: leaves,
      lessEqual: leaves,
    }),
  },
);

/** The reason that `drop` in text stands for. */
export const DROP_IN_TEXT: OdpAction = { type: "drop", reason: DropReason.POLICY };
