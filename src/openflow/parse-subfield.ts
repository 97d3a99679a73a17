// Part of a field in text: `NXM_NX_REG0[0..15]`, `reg0[]`, `reg0[7]`, `reg0`.

import { type Field, fieldByName, fieldByOxmName, type Subfield } from "./field.ts";
import type { FlowText, Piece } from "./key-value.ts";

/** Names of fields that Open vSwitch has and this switch refuses, because nothing of theirs is done. */
const UNSUPPORTED =
  /^(tun_metadata\d+|NXM_NX_TUN_METADATA\d+|tun_erspan_\w+|tun_gtpu_\w+|nsh_\w+|nsp|nsi|nshc\d|NXOXM_NSH_\w+)$/;

/** Returns whether a name is that of a field which Open vSwitch has and this switch has not. */
export function isUnsupportedField(name: string): boolean {
  return UNSUPPORTED.test(name);
}

/** Returns the field of an `ovs-ofctl`, NXM or OXM name, or throws. */
function parseFieldName(source: FlowText, piece: Piece): Field {
  const field = fieldByName(piece.text) ?? fieldByOxmName(piece.text.replace(/_W$/, ""));
  if (field !== undefined) return field;
  if (isUnsupportedField(piece.text)) {
    throw source.unsupported(
      piece.at,
      `field ${piece.text} is not supported: tunnel options and NSH are not`,
    );
  }
  throw source.error(piece.at, "unknown field", "the name of a field", piece.text);
}

/** Reads a subfield that takes up the whole piece. */
export function parseSubfield(source: FlowText, piece: Piece): Subfield {
  const [part, length] = parseSubfieldPrefix(source, piece);
  if (length !== piece.text.length) {
    const rest = piece.text.slice(length);
    throw source.error(piece.at + length, "text after a field", "nothing", rest);
  }
  return part;
}

/** Reads the subfield that a piece starts with; returns it and its length. */
export function parseSubfieldPrefix(source: FlowText, piece: Piece): [part: Subfield, length: number] {
  const { text, at } = piece;
  const nameLength = text.search(/[[-]|$/);
  const field = parseFieldName(source, { text: text.slice(0, nameLength), at });
  const rest = text.slice(nameLength);
  const range = /^\[\s*(?:(\d+)\s*(?:\.\.\s*(\d+)\s*)?)?\]/.exec(rest);
  if (range === null) {
    if (!rest.startsWith("[")) return [{ field, offset: 0, width: field.width }, nameLength];
    throw source.error(at + nameLength, "bad bit range", "[], [bit] or [first..last]", rest);
  }
  const first = range[1] === undefined ? 0 : Number(range[1]);
  const last = range[1] === undefined ? field.width - 1 : Number(range[2] ?? range[1]);
  if (first > last || last >= field.width) {
    const expected = `bits from 0 to ${field.width - 1} of ${field.name}, the lower first`;
    throw source.error(at + nameLength, "bad bit range", expected, range[0]);
  }
  return [{ field, offset: first, width: last - first + 1 }, nameLength + range[0].length];
}
