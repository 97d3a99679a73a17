// Integers as C reads them with base 0: decimal, 0x hexadecimal, 0 octal, with an optional sign.

import type { FlowText, Piece } from "./key-value.ts";

/** Returns the integer that `text` spells, or undefined. */
export function readInteger(text: string): bigint | undefined {
  let digits = text.trimStart();
  let negative = false;
  if (digits.startsWith("-") || digits.startsWith("+")) {
    negative = digits.startsWith("-");
    digits = digits.slice(1);
  }
  const value = readDigits(digits);
  return value === undefined ? undefined : negative ? -value : value;
}

/** Returns the unsigned integer that `text` spells, or NaN; exact below 2^53. */
export function readNumber(text: string): number {
  const value = readInteger(text);
  return value === undefined ? Number.NaN : Number(value);
}

/** Returns an integer from 0 to `max`; `what` names it in the error. */
export function parseUint(source: FlowText, piece: Piece, what: string, max: number): number {
  const value = readNumber(piece.text);
  if (!(value >= 0 && value <= max)) {
    throw source.error(piece.at, `invalid ${what}`, `an integer from 0 to ${max}`, piece.text);
  }
  return value;
}

/** Returns an integer from 0 to 255. */
export function parseU8(source: FlowText, piece: Piece, what: string): number {
  return parseUint(source, piece, what, 0xff);
}

/** Returns an integer from 0 to 65535. */
export function parseU16(source: FlowText, piece: Piece, what: string): number {
  return parseUint(source, piece, what, 0xffff);
}

/** Returns a 32-bit integer; negative numbers wrap around, as in Open vSwitch. */
export function parseU32(source: FlowText, piece: Piece, what: string): number {
  const value = readNumber(piece.text);
  if (value >= -0x80000000 && value <= 0xffffffff) return value >>> 0;
  throw source.error(piece.at, `invalid ${what}`, "a 32-bit integer", piece.text);
}

/** Returns a 64-bit integer; negative numbers wrap around. */
export function parseU64(source: FlowText, piece: Piece, what: string): bigint {
  const value = readInteger(piece.text);
  if (value !== undefined && value >= -(1n << 63n) && value < 1n << 64n) return BigInt.asUintN(64, value);
  throw source.error(piece.at, `invalid ${what}`, "a 64-bit integer", piece.text);
}

function readDigits(digits: string): bigint | undefined {
  if (/^(0|[1-9][0-9]*)$/.test(digits)) return BigInt(digits);
  if (/^0[xX][0-9a-fA-F]+$/.test(digits)) return BigInt(digits);
  if (/^0[0-7]+$/.test(digits)) return BigInt(`0o${digits.slice(1)}`);
  return undefined;
}
