// Values of datapath-flow syntax with their masks: numbers, addresses and tags.

import { parseIpv4, parseIpv6, parseMac } from "./address.ts";
import { badValue, type OdpField } from "./attribute.ts";

/** A number and which of its bits count. */
export interface MaskedNumber {
  readonly value: number;
  readonly mask: number;
}

/** A bigint and which of its bits count. */
export interface MaskedBigint {
  readonly value: bigint;
  readonly mask: bigint;
}

/** Reads a number of `bits` bits; the mask is all ones where none is given. */
export function parseNumber(field: OdpField, bits: number): MaskedNumber {
  const max = 2 ** bits - 1;
  const value = readNumber(field.value);
  const mask = field.mask === undefined ? max : readNumber(field.mask);
  if (!(value <= max && mask <= max)) throw badValue(field, `a number of ${bits} bits, or number/mask`);
  return { value, mask };
}

/** Reads an IPv4 address. */
export function parseIpv4Field(field: OdpField): MaskedNumber {
  const value = parseIpv4(field.value);
  const mask = field.mask === undefined ? 0xffffffff : parseIpv4(field.mask);
  if (value === undefined || mask === undefined) throw badValue(field, "an IPv4 address, or address/mask");
  return { value, mask };
}

/** Reads an IPv6 address. */
export function parseIpv6Field(field: OdpField): MaskedBigint {
  const value = parseIpv6(field.value);
  const mask = field.mask === undefined ? (1n << 128n) - 1n : parseIpv6(field.mask);
  if (value === undefined || mask === undefined) throw badValue(field, "an IPv6 address, or address/mask");
  return { value, mask };
}

/** Reads an Ethernet address. */
export function parseMacField(field: OdpField): MaskedBigint {
  const value = parseMac(field.value);
  const mask = field.mask === undefined ? 0xffffffffffffn : parseMac(field.mask);
  if (value === undefined || mask === undefined)
    throw badValue(field, "an Ethernet address, or address/mask");
  return { value, mask };
}

/** Reads an unsigned integer of up to `bits` bits that a number cannot hold. */
export function parseBigint(field: OdpField, bits: number): MaskedBigint {
  const max = (1n << BigInt(bits)) - 1n;
  const value = readBigint(field.value);
  const mask = field.mask === undefined ? max : readBigint(field.mask);
  if (value === undefined || mask === undefined || value > max || mask > max) {
    throw badValue(field, `a number of ${bits} bits, or number/mask`);
  }
  return { value, mask };
}

/** Returns the bare value of an attribute's body, as if it were a field of that name. */
export function bareField(name: string, body: string, at: number): OdpField {
  const slash = body.indexOf("/");
  const value = slash < 0 ? body : body.slice(0, slash);
  return {
    name,
    at,
    value: value.trim(),
    mask: slash < 0 ? undefined : body.slice(slash + 1).trim(),
    valueAt: at,
  };
}

function readNumber(text: string): number {
  return /^(0|[1-9]\d*|0[xX][0-9a-fA-F]+)$/.test(text) ? Number(text) : Number.NaN;
}

function readBigint(text: string): bigint | undefined {
  return /^(0|[1-9]\d*|0[xX][0-9a-fA-F]+)$/.test(text) ? BigInt(text) : undefined;
}
