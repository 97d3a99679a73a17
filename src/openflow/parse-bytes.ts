// Bytes in text: pairs of hexadecimal digits, with dots or spaces between them where wanted.

import type { FlowText, Piece } from "./key-value.ts";

/** Returns the bytes that a piece spells. */
export function parseHexBytes(source: FlowText, piece: Piece): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  let i = 0;
  const { text } = piece;
  while (i < text.length) {
    if (". \t\r\n".includes(text[i]!)) {
      i++;
      continue;
    }
    const pair = text.slice(i, i + 2);
    if (!/^[0-9a-fA-F]{2}$/.test(pair)) {
      throw source.error(piece.at + i, "bad hexadecimal byte", "pairs of hexadecimal digits", pair);
    }
    bytes.push(Number.parseInt(pair, 16));
    i += 2;
  }
  return Uint8Array.from(bytes);
}

/** Returns bytes as `00.11.22`. */
export function formatHexBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(".");
}
