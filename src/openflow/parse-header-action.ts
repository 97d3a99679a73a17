// Readers of the actions that change headers and registers.

import { parseIpv4, parseMac } from "../odp/address.ts";
import type { OfAction } from "./action.ts";
import { type Field, fieldByName } from "./field.ts";
import { ones } from "./field-value.ts";
import { type Piece, splitTokens } from "./key-value.ts";
import type { ActionContext, ActionReader } from "./parse-actions.ts";
import { parseU8, parseU16, parseUint } from "./parse-number.ts";
import { isUnsupportedField, parseSubfield, parseSubfieldPrefix } from "./parse-subfield.ts";
import { parseMaskedValue, parseSubfieldValue } from "./parse-value.ts";
import { isVlanType } from "./prereq.ts";
import { USABLE_OF11_UP } from "./usable.ts";

export const headerActionReaders: readonly (readonly [string, ActionReader])[] = [
  ["set_field", parseSetField],
  ["load", parseLoad],
  ["move", parseMove],
  ["set_vlan_vid", (arg, context) => vlanVid(arg, context, false)],
  ["mod_vlan_vid", (arg, context) => vlanVid(arg, context, true)],
  ["set_vlan_pcp", (arg, context) => vlanPcp(arg, context, false)],
  ["mod_vlan_pcp", (arg, context) => vlanPcp(arg, context, true)],
  ["strip_vlan", () => ({ type: "stripVlan" })],
  ["pop_vlan", () => ({ type: "stripVlan" })],
  ["push_vlan", parsePushVlan],
  ["mod_dl_src", (arg, context) => ({ type: "setEthSrc", mac: mac(arg, context) })],
  ["mod_dl_dst", (arg, context) => ({ type: "setEthDst", mac: mac(arg, context) })],
  ["mod_nw_src", (arg, context) => ({ type: "setIpv4Src", address: ipv4(arg, context) })],
  ["mod_nw_dst", (arg, context) => ({ type: "setIpv4Dst", address: ipv4(arg, context) })],
  ["mod_nw_tos", parseModTos],
  ["mod_nw_ecn", (arg, { source }) => ({ type: "setIpEcn", ecn: parseUint(source, arg, "ECN", 3) })],
  ["mod_nw_ttl", parseModTtl],
  ["set_nw_ttl", parseModTtl],
  ["mod_tp_src", (arg, { source }) => ({ type: "setL4Src", port: parseU16(source, arg, "source port") })],
  [
    "mod_tp_dst",
    (arg, { source }) => ({ type: "setL4Dst", port: parseU16(source, arg, "destination port") }),
  ],
  ["dec_ttl", parseDecTtl],
  [
    "set_mpls_label",
    (arg, { source }) => ({ type: "setMplsLabel", label: parseUint(source, arg, "MPLS label", 0xfffff) }),
  ],
  [
    "set_mpls_tc",
    (arg, { source }) => ({ type: "setMplsTc", tc: parseUint(source, arg, "MPLS traffic class", 7) }),
  ],
  ["set_mpls_ttl", (arg, { source }) => ({ type: "setMplsTtl", ttl: parseU8(source, arg, "MPLS TTL") })],
  ["dec_mpls_ttl", () => ({ type: "decMplsTtl" })],
  ["push_mpls", (arg, { source }) => ({ type: "pushMpls", ethertype: parseU16(source, arg, "EtherType") })],
  ["pop_mpls", (arg, { source }) => ({ type: "popMpls", ethertype: parseU16(source, arg, "EtherType") })],
  ["copy_ttl_in", () => ({ type: "copyTtlIn" })],
  ["copy_ttl_out", () => ({ type: "copyTtlOut" })],
];

/** Throws unless an action may write the field. */
export function requireWritable({ source }: ActionContext, field: Field, at: number): void {
  if (!field.writable) throw source.error(at, `${field.name} is read-only`, "a field that actions may write");
  if (field.name.startsWith("ct_")) {
    throw source.unsupported(at, `writing ${field.name}: connection tracking is not supported`);
  }
  if (field.name.startsWith("tun_"))
    throw source.unsupported(at, `writing ${field.name}: tunnels are not supported`);
}

/** Splits `value->field`; neither side may be empty. */
export function splitArrow(arg: Piece, { source }: ActionContext): [value: Piece, field: Piece] {
  const arrow = arg.text.indexOf("->");
  if (arrow < 0) throw source.error(arg.at, "missing ->", "value->field", arg.text);
  const field = { text: arg.text.slice(arrow + 2), at: arg.at + arrow + 2 };
  if (field.text === "") throw source.error(field.at, "missing field after ->", "the name of a field");
  return [{ text: arg.text.slice(0, arrow), at: arg.at }, field];
}

function parseSetField(arg: Piece, context: ActionContext): OfAction {
  const { source } = context;
  const [valuePiece, fieldPiece] = splitArrow(arg, context);
  const field = fieldByName(fieldPiece.text);
  if (field === undefined) {
    if (isUnsupportedField(fieldPiece.text)) {
      throw source.unsupported(
        fieldPiece.at,
        `field ${fieldPiece.text} is not supported: tunnel options and NSH are not`,
      );
    }
    throw source.error(
      fieldPiece.at,
      "unknown field",
      "the ovs-ofctl name of a whole field",
      fieldPiece.text,
    );
  }
  requireWritable(context, field, fieldPiece.at);
  const parsed = parseMaskedValue(source, field, valuePiece);
  if ((parsed.value & ~field.valueMask) !== 0n) {
    throw source.error(
      valuePiece.at,
      `not a valid value for ${field.name}`,
      `bits within 0x${field.valueMask.toString(16)}`,
      valuePiece.text,
    );
  }
  const mask = parsed.mask === ones(field.bytes * 8) ? field.valueMask : parsed.mask & field.valueMask;
  return { type: "setField", field, value: parsed.value & mask, mask, load: false };
}

function parseLoad(arg: Piece, context: ActionContext): OfAction {
  const [valuePiece, fieldPiece] = splitArrow(arg, context);
  const part = parseSubfield(context.source, fieldPiece);
  requireWritable(context, part.field, fieldPiece.at);
  const value = parseSubfieldValue(context.source, part, valuePiece);
  const shift = BigInt(part.offset);
  return {
    type: "setField",
    field: part.field,
    value: value << shift,
    mask: ones(part.width) << shift,
    load: true,
  };
}

function parseMove(arg: Piece, context: ActionContext): OfAction {
  const { source } = context;
  const [src, length] = parseSubfieldPrefix(source, arg);
  if (!arg.text.startsWith("->", length)) {
    throw source.error(arg.at + length, "missing ->", "source->destination", arg.text.slice(length));
  }
  const dstPiece = { text: arg.text.slice(length + 2), at: arg.at + length + 2 };
  const dst = parseSubfield(source, dstPiece);
  requireWritable(context, dst.field, dstPiece.at);
  if (src.width !== dst.width) {
    const got = `${src.width} and ${dst.width} bits`;
    throw source.error(arg.at, "source and destination differ in width", "fields of one width", got);
  }
  return { type: "move", src, dst };
}

function vlanVid(arg: Piece, { source }: ActionContext, pushIfNeeded: boolean): OfAction {
  return { type: "setVlanVid", vid: parseUint(source, arg, "VLAN id", 0xfff), pushIfNeeded };
}

function vlanPcp(arg: Piece, { source }: ActionContext, pushIfNeeded: boolean): OfAction {
  return { type: "setVlanPcp", pcp: parseUint(source, arg, "VLAN priority", 7), pushIfNeeded };
}

function parsePushVlan(arg: Piece, context: ActionContext): OfAction {
  const ethertype = parseU16(context.source, arg, "EtherType");
  if (!isVlanType(ethertype)) {
    throw context.source.error(arg.at, "not a VLAN EtherType", "0x8100 or 0x88a8", arg.text);
  }
  context.usable &= USABLE_OF11_UP;
  return { type: "pushVlan", ethertype };
}

function mac(arg: Piece, { source }: ActionContext): bigint {
  const value = parseMac(arg.text);
  if (value === undefined)
    throw source.error(arg.at, "bad Ethernet address", "as 00:11:22:33:44:55", arg.text);
  return value;
}

function ipv4(arg: Piece, { source }: ActionContext): number {
  const value = parseIpv4(arg.text);
  if (value === undefined) throw source.error(arg.at, "bad IPv4 address", "as 10.0.0.1", arg.text);
  return value;
}

function parseModTos(arg: Piece, { source }: ActionContext): OfAction {
  const dscp = parseU8(source, arg, "TOS");
  if ((dscp & 3) !== 0) throw source.error(arg.at, "not a valid TOS", "a multiple of 4 below 256", arg.text);
  return { type: "setIpDscp", dscp };
}

function parseModTtl(arg: Piece, { source }: ActionContext): OfAction {
  return { type: "setIpTtl", ttl: parseU8(source, arg, "TTL") };
}

function parseDecTtl(arg: Piece, { source }: ActionContext): OfAction {
  if (arg.text === "") return { type: "decTtl", controllerIds: [0] };
  const controllerIds = splitTokens(arg, ", ").map((piece) => parseU16(source, piece, "controller id"));
  if (controllerIds.length === 0)
    throw source.error(arg.at, "dec_ttl() without controllers", "controller ids");
  return { type: "decTtl", controllerIds };
}
