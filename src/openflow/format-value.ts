// Field values as ovs-ofctl prints them, with their masks.

import { formatIpv4, formatIpv6, formatMac, prefixLength } from "../odp/address.ts";
import {
  CT_STATE_NAMES,
  EXT_HEADER_NAMES,
  type FlagNames,
  formatFlagsMasked,
  TCP_FLAG_NAMES,
  TUNNEL_FLAG_NAMES,
} from "../odp/flags.ts";
import type { Field } from "./field.ts";
import { ones } from "./field-value.ts";
import { FRAG_WORDS } from "./parse-value.ts";
import { type OfPort, ofPortFromU16, type PortNames, reservedPortName } from "./port.ts";

/** Returns the name or number of a port. */
export function formatPort(port: OfPort, ports?: PortNames): string {
  const name = reservedPortName(port);
  if (name !== undefined) return name;
  const given = ports?.byPort.get(port);
  if (given === undefined) return String(port > 0xffff ? port & 0xffff : port);
  return /^[A-Za-z_][\w.-]*$/.test(given) ? given : JSON.stringify(given);
}

/** Returns a number as C's `%#x`: 0 without prefix. */
export function formatHex(value: bigint | number): string {
  return value === 0n || value === 0 ? "0" : `0x${value.toString(16)}`;
}

/** Returns a dotted quad with `/bits` or `/mask` unless the mask is full. */
export function formatIpv4Masked(value: number, mask: number): string {
  const address = formatIpv4(value);
  if (mask === 0xffffffff) return address;
  const length = prefixLength(BigInt(mask), 32);
  return `${address}/${length ?? formatIpv4(mask)}`;
}

/** Returns an IPv6 address with `/bits` or `/mask` unless the mask is full. */
export function formatIpv6Masked(value: bigint, mask: bigint): string {
  const address = formatIpv6(value);
  if (mask === ones(128)) return address;
  return `${address}/${prefixLength(mask, 128) ?? formatIpv6(mask)}`;
}

/** Returns a MAC address with its mask unless that is full. */
export function formatMacMasked(value: bigint, mask: bigint): string {
  return mask === ones(48) ? formatMac(value) : `${formatMac(value)}/${formatMac(mask)}`;
}

/** Returns ip_frag's word. */
export function formatFrag(value: number, mask: number): string {
  const bits = mask & 3;
  return FRAG_WORDS.find((word) => word[2] === bits && word[1] === (value & bits))?.[0] ?? "<error>";
}

/** Returns `(namespace,type)`. */
export function formatPacketType(value: number): string {
  return `(${value >>> 16},${formatHex(value & 0xffff)})`;
}

/** Returns the value of `field`, as set_field and learn print it. `mask` is within the field's valueMask. */
export function formatFieldValue(field: Field, value: bigint, mask: bigint, ports?: PortNames): string {
  const full = mask === field.valueMask;
  if (mask === 0n) return "ANY";
  const number = (bits: bigint): number => Number(bits);
  switch (field.format) {
    case "decimal":
      return full ? value.toString() : `${value}/${formatHex(mask)}`;
    case "hex":
      return full ? formatHex(value) : `${formatHex(value)}/${formatHex(mask)}`;
    case "ethernet":
      return formatMacMasked(value, mask);
    case "ipv4":
      return formatIpv4Masked(number(value), number(mask));
    case "ipv6":
      return formatIpv6Masked(value, mask);
    case "port":
      return formatPort(field.bytes === 2 ? ofPortFromU16(number(value)) : (number(value) as OfPort), ports);
    case "frag":
      return formatFrag(number(value), number(mask));
    case "packetType":
      return formatPacketType(number(value));
    default:
      return formatFlagsMasked(number(value), number(mask), flagNamesOf(field));
  }
}

function flagNamesOf(field: Field): FlagNames {
  if (field.format === "tcpFlags") return TCP_FLAG_NAMES;
  if (field.format === "ctState") return CT_STATE_NAMES;
  return field.format === "tunnelFlags" ? TUNNEL_FLAG_NAMES : EXT_HEADER_NAMES;
}
