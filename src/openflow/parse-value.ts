// The value of a match field in text, with its mask: `10.0.0.0/8`, `0x1000/0x1000`, `+syn-ack`, `later`.
// One reader for each format of the field table.

import { parseIpv4, parseIpv6, parseMac, prefixMask } from "../odp/address.ts";
import {
  CT_STATE_NAMES,
  EXT_HEADER_NAMES,
  type FlagNames,
  parseFlags,
  TCP_FLAG_NAMES,
  TUNNEL_FLAG_NAMES,
} from "../odp/flags.ts";
import type { Field, Subfield } from "./field.ts";
import { ones } from "./field-value.ts";
import type { FlowText, Piece } from "./key-value.ts";
import { readInteger } from "./parse-number.ts";
import { readPort } from "./parse-port.ts";

/** A value and which of its bits count, both within the field's `valueMask` or beyond it. */
export interface MaskedValue {
  readonly value: bigint;
  readonly mask: bigint;
}

/** ip_frag's words: value and mask over FLOW_NW_FRAG_ANY (1) and LATER (2). */
export const FRAG_WORDS: readonly (readonly [word: string, value: number, mask: number])[] = [
  ["no", 0, 3],
  ["first", 1, 3],
  ["later", 3, 3],
  ["no", 0, 1],
  ["yes", 1, 1],
  ["not_later", 0, 2],
  ["later", 2, 2],
];

/** Reads the value of `field` with its mask; a mask of all ones (in the value's bytes) where none is given. */
export function parseMaskedValue(source: FlowText, field: Field, piece: Piece): MaskedValue {
  if (piece.text === "*") return { value: 0n, mask: 0n };
  const parsed = readMaskedValue(source, field, piece);
  const exact = ones(field.bytes * 8);
  if (field.maskable === "none" && parsed.mask !== 0n && parsed.mask !== exact) {
    throw source.error(piece.at, `invalid mask for ${field.name}`, "no mask, or one of all ones", piece.text);
  }
  return parsed;
}

/** Reads the value of `field` where no mask may be given. */
export function parseExactValue(source: FlowText, field: Field, piece: Piece): bigint {
  const { value, mask } = parseMaskedValue(source, field, piece);
  if (mask !== ones(field.bytes * 8)) {
    throw source.error(piece.at, `${field.name} takes no wildcards here`, "a value", piece.text);
  }
  return value;
}

/** Reads an integer that fits into a part of a field. */
export function parseSubfieldValue(source: FlowText, part: Subfield, piece: Piece): bigint {
  const value = readInteger(piece.text);
  const wrapped = value !== undefined && value < 0n ? BigInt.asUintN(64, value) : value;
  if (wrapped === undefined) throw source.error(piece.at, "not an integer", "an integer", piece.text);
  if (wrapped > ones(part.width)) {
    throw source.error(piece.at, "value too large", `an integer of ${part.width} bits`, piece.text);
  }
  return wrapped;
}

function readMaskedValue(source: FlowText, field: Field, piece: Piece): MaskedValue {
  const { text } = piece;
  switch (field.format) {
    case "decimal":
    case "hex":
      return readIntegers(source, field, piece);
    case "ipv4":
      return (
        readMasked(text, readIpv4, 32, readPrefix) ??
        wrong(source, field, piece, "an IPv4 address, with /bits or /mask where only a part counts")
      );
    case "ipv6":
      return (
        readMasked(text, parseIpv6, 128, readPrefix) ??
        wrong(source, field, piece, "an IPv6 address, with /bits or /mask where only a part counts")
      );
    case "ethernet":
      return (
        readMasked(text, parseMac, 48) ??
        wrong(source, field, piece, "an Ethernet address, as 00:11:22:33:44:55, or address/mask")
      );
    case "port":
      return readPortValue(source, field, piece);
    case "frag":
      return readFrag(text) ?? wrong(source, field, piece, "no, yes, first, later or not_later");
    case "packetType":
      return readPacketType(text) ?? wrong(source, field, piece, "(namespace,type)");
    case "tcpFlags":
      return readFlags(source, field, piece, TCP_FLAG_NAMES);
    case "ctState":
      return readFlags(source, field, piece, CT_STATE_NAMES);
    case "tunnelFlags":
      return readFlags(source, field, piece, TUNNEL_FLAG_NAMES);
    case "extHeaders":
      return readFlags(source, field, piece, EXT_HEADER_NAMES);
  }
}

function wrong(source: FlowText, field: Field, piece: Piece, expected: string): never {
  throw source.error(piece.at, `bad value for ${field.name}`, expected, piece.text);
}

function readIntegers(source: FlowText, field: Field, piece: Piece): MaskedValue {
  const slash = piece.text.indexOf("/");
  const max = ones(field.bytes * 8);
  const expected = `an integer of ${field.bytes} bytes, or value/mask`;
  const valueText = slash < 0 ? piece.text : piece.text.slice(0, slash);
  const value = readUnsigned(valueText);
  const mask = slash < 0 ? max : readUnsigned(piece.text.slice(slash + 1));
  if (value === undefined || mask === undefined) return wrong(source, field, piece, expected);
  if (value > max || mask > max) {
    throw source.error(piece.at, `value too large for ${field.name}`, expected, piece.text);
  }
  return { value, mask };
}

/** Returns an unsigned integer; a negative one wraps around at 64 bits. */
function readUnsigned(text: string): bigint | undefined {
  const value = readInteger(text);
  return value !== undefined && value < 0n ? BigInt.asUintN(64, value) : value;
}

/** Reads `address` or `address/mask`, the mask an address too unless `readMask` says otherwise. */
function readMasked(
  text: string,
  readAddress: (text: string) => bigint | undefined,
  width: number,
  readLength?: (text: string, width: number) => bigint | undefined,
): MaskedValue | undefined {
  const slash = text.indexOf("/");
  const value = readAddress(slash < 0 ? text : text.slice(0, slash));
  if (value === undefined) return undefined;
  if (slash < 0) return { value, mask: ones(width) };
  const maskText = text.slice(slash + 1);
  const mask = readLength?.(maskText, width) ?? readAddress(maskText);
  return mask === undefined ? undefined : { value, mask };
}

function readIpv4(text: string): bigint | undefined {
  const value = parseIpv4(text);
  return value === undefined ? undefined : BigInt(value);
}

function readPrefix(text: string, width: number): bigint | undefined {
  if (!/^\d{1,3}$/.test(text) || Number(text) > width) return undefined;
  return prefixMask(Number(text), width);
}

function readPortValue(source: FlowText, field: Field, piece: Piece): MaskedValue {
  const port = readPort(piece.text, source);
  if (port === undefined) return wrong(source, field, piece, "a port number or name");
  const value = field.bytes === 2 ? port & 0xffff : port;
  return { value: BigInt(value), mask: ones(field.bytes * 8) };
}

function readFrag(text: string): MaskedValue | undefined {
  const word = FRAG_WORDS.find(([name]) => name === text.toLowerCase());
  return word && { value: BigInt(word[1]), mask: BigInt(word[2] | 0xfc) };
}

function readPacketType(text: string): MaskedValue | undefined {
  const parts = /^\((\w+),(\w+)\)$/.exec(text);
  const namespace = parts === null ? undefined : readInteger(parts[1]!);
  const type = parts === null ? undefined : readInteger(parts[2]!);
  if (namespace === undefined || type === undefined || namespace > 0xffffn || type > 0xffffn)
    return undefined;
  return { value: (namespace << 16n) | type, mask: 0xffffffffn };
}

function readFlags(source: FlowText, field: Field, piece: Piece, names: FlagNames): MaskedValue {
  const flags = parseFlags(piece.text, names);
  if (flags === undefined) {
    const known = [...names.names.values()].join(" ");
    return wrong(source, field, piece, `+flag-flag, flag|flag or value/mask with the flags ${known}`);
  }
  const mask = flags.mask === -1 ? ones(field.bytes * 8) : BigInt(flags.mask);
  return { value: BigInt(flags.value), mask };
}
