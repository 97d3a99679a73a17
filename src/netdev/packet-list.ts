// Packets written as text: one a line, `PORT HEX`, with notes after `#`. The whole list is checked before the
// first packet is sent.

import { PacketSyntaxError } from "../errors.ts";

/** A packet and where it comes in. */
export interface ListedPacket {
  /** OpenFlow port number. */
  readonly port: number;
  readonly bytes: Buffer;
}

/**
 * Reads a packet list. `ports` turns the text of a port into its number, or undefined when there is no such
 * port. Throws PacketSyntaxError at the first mistake, with its line and column.
 */
export function parsePacketList(
  text: string,
  file: string,
  ports: { readonly find: (text: string) => number | undefined; readonly expected: string },
): ListedPacket[] {
  const packets: ListedPacket[] = [];
  let number = 0;
  for (const line of text.split("\n")) {
    number++;
    const match = /^(\s*)(\S+)?(\s*)(\S+)?\s*(\S)?/.exec(uncomment(line)) as RegExpExecArray;
    const [, indent = "", portText, gap = "", hex, more] = match;
    if (portText === undefined) continue;
    const at = (column: number) => ({ file, line: number, column });
    const port = ports.find(portText);
    if (port === undefined) {
      throw new PacketSyntaxError("unknown port", {
        ...at(indent.length + 1),
        expected: ports.expected,
        got: portText,
      });
    }
    const hexColumn = indent.length + portText.length + gap.length + 1;
    if (hex === undefined) {
      throw new PacketSyntaxError("no packet after the port", {
        ...at(hexColumn),
        expected: "hex digits",
        got: "",
      });
    }
    packets.push({ port, bytes: parseHex(hex, at(hexColumn)) });
    if (more !== undefined) {
      const column = line.indexOf(more, hexColumn - 1 + hex.length) + 1;
      throw new PacketSyntaxError("more than a port and a packet", {
        ...at(column),
        expected: "# note",
        got: more,
      });
    }
  }
  return packets;
}

/** Returns the bytes of hex digits. Throws PacketSyntaxError. */
export function parseHex(
  hex: string,
  at: { readonly file?: string; readonly line?: number; readonly column: number },
): Buffer {
  const wrong = hex.search(/[^0-9a-fA-F]/);
  if (wrong >= 0) {
    const got = hex[wrong] as string;
    throw new PacketSyntaxError("packet", { ...at, column: at.column + wrong, expected: "hex digits", got });
  }
  if (hex.length % 2 !== 0) {
    throw new PacketSyntaxError("packet", {
      ...at,
      expected: "two hex digits a byte",
      got: `${hex.length} digits`,
    });
  }
  return Buffer.from(hex, "hex");
}

function uncomment(line: string): string {
  const hash = line.indexOf("#");
  return hash < 0 ? line : line.slice(0, hash);
}
