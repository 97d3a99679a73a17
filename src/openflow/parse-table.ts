// Table numbers in text.

import type { FlowText, Piece } from "./key-value.ts";

/** Table number that means "all of them" or "none named". */
export const TABLE_ALL = 255;

/** Returns the table that a piece numbers, in decimal. */
export function parseTable(source: FlowText, piece: Piece): number {
  const table = /^\s*\+?\d+$/.test(piece.text) ? Number(piece.text) : Number.NaN;
  if (table <= TABLE_ALL) return table;
  throw source.error(piece.at, "unknown table", "a table number from 0 to 254", piece.text);
}
