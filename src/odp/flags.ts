// Flag fields in text: `+syn-ack`, `syn|ack`, `0x2/0x12`. One reader and one writer for TCP flags,
// connection-tracking states, tunnel flags and IPv6 extension headers.

/** The names of a flag field's bits, and which bits text may set. */
export interface FlagNames {
  readonly names: ReadonlyMap<number, string>;
  /** Bits that the field has. */
  readonly allowed: number;
}

/** What a flag text says; undefined when it is wrong. */
export interface FlagMatch {
  readonly value: number;
  /** -1 when the text names every bit: an exact match. */
  readonly mask: number;
}

/** Bits of tcp_flags (RFC 9293 section 3.1; the top three have no name but their number). */
export const TCP_FLAG_NAMES: FlagNames = flagNames(0xfff, [
  "fin",
  "syn",
  "rst",
  "psh",
  "ack",
  "urg",
  "ece",
  "cwr",
  "ns",
  "[200]",
  "[400]",
  "[800]",
]);

/** Bits of ct_state. */
export const CT_STATE_NAMES: FlagNames = flagNames(0xff, [
  "new",
  "est",
  "rel",
  "rpl",
  "inv",
  "trk",
  "snat",
  "dnat",
]);

/** Bits of tun_flags. */
export const TUNNEL_FLAG_NAMES: FlagNames = flagNames(0x1, ["oam"]);

/** Bits of ipv6_exthdr (OpenFlow 1.3 section 7.2.3.7, OFPIEH_*). */
export const EXT_HEADER_NAMES: FlagNames = flagNames(0x1ff, [
  "nonext",
  "esp",
  "auth",
  "dest",
  "frag",
  "router",
  "hop",
  "unrep",
  "unseq",
]);

/** Reads a flag text, as Open vSwitch's parse_flags does. */
export function parseFlags(text: string, flags: FlagNames): FlagMatch | undefined {
  const numeric = /^(-?\w+)\/(-?\w+)$/.exec(text);
  if (numeric !== null) {
    const value = Number(numeric[1]);
    const mask = Number(numeric[2]);
    return isAllowed(value, flags) && isAllowed(mask, flags) ? { value, mask } : undefined;
  }
  if (text.startsWith("+") || text.startsWith("-")) return parseSigned(text, flags);
  let value = 0;
  for (const name of text === "" ? [] : text.split("|")) {
    const bit = /^\d/.test(name) ? Number(name) : bitOf(name, flags);
    if (bit === undefined || !isAllowed(bit, flags)) return undefined;
    value |= bit;
  }
  return { value, mask: -1 };
}

/** Writes flags with their mask: `+syn-ack`, or `syn|ack` where the mask has all the allowed bits. */
export function formatFlagsMasked(
  value: number,
  mask: number,
  flags: FlagNames,
  full = flags.allowed,
): string {
  if (mask === full) return formatFlags(value, flags);
  if (mask === 0) return "0/0";
  let text = "";
  for (let bit = 1; bit <= mask; bit *= 2) {
    if ((mask & bit) !== 0) text += ((value & bit) !== 0 ? "+" : "-") + (flags.names.get(bit) ?? "[Unknown]");
  }
  return text;
}

/** Writes the names of the bits that are set: `syn|ack`; 0 for none. */
export function formatFlags(value: number, flags: FlagNames): string {
  if (value === 0) return "0";
  const parts: string[] = [];
  let unknown = 0;
  for (let bit = 1; bit <= value; bit *= 2) {
    if ((value & bit) === 0) continue;
    const name = flags.names.get(bit);
    if (name === undefined) unknown |= bit;
    else parts.push(name);
  }
  if (unknown !== 0) parts.push(`0x${unknown.toString(16)}`);
  return parts.join("|");
}

function parseSigned(text: string, flags: FlagNames): FlagMatch | undefined {
  let value = 0;
  let mask = 0;
  for (const token of text.match(/[+-][^+-]*/g)!) {
    const bit = bitOf(token.slice(1), flags);
    if (bit === undefined || (mask & bit) !== 0) return undefined;
    mask |= bit;
    if (token.startsWith("+")) value |= bit;
  }
  return { value, mask };
}

function bitOf(name: string, flags: FlagNames): number | undefined {
  for (const [bit, bitName] of flags.names) if (bitName === name) return bit;
  return undefined;
}

function isAllowed(bits: number, flags: FlagNames): boolean {
  return Number.isInteger(bits) && bits >= 0 && (bits & ~flags.allowed) === 0 && bits <= flags.allowed;
}

function flagNames(allowed: number, names: readonly string[]): FlagNames {
  return { allowed, names: new Map(names.map((name, i) => [2 ** i, name])) };
}
