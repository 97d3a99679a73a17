// OpenFlow port numbers and names in text.

import type { FlowText, Piece } from "./key-value.ts";
import { OFPP_MAX, type OfPort, ofPortFromU16, reservedPortFromName } from "./port.ts";

/** Returns the port that `text` names: a number, a reserved name or one of the bridge's; or undefined. */
export function readPort(text: string, source: FlowText): OfPort | undefined {
  if (/^\s*\+?\d+$/.test(text)) {
    const number = Number(text);
    if (number <= 0xffff) return ofPortFromU16(number);
    return number >= OFPP_MAX && number <= 0xffffffff ? (number as OfPort) : undefined;
  }
  const reserved = reservedPortFromName(text);
  if (reserved !== undefined) return reserved;
  return source.ports?.byName.get(unquote(text));
}

/** Returns the port that a piece names; otherwise an error. */
export function parsePort(source: FlowText, piece: Piece): OfPort {
  const port = readPort(piece.text, source);
  if (port === undefined) throw unknownPort(source, piece);
  return port;
}

/** Returns the error for a port that does not exist. */
function unknownPort(source: FlowText, piece: Piece): Error {
  return source.error(piece.at, "unknown port", "a port number or name", piece.text);
}

function unquote(text: string): string {
  if (!/^".*"$/.test(text)) return text;
  try {
    return String(JSON.parse(text));
  } catch {
    return text;
  }
}
