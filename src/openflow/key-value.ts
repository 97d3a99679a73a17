// Cutting flow syntax into `key=value`, `key:value`, `key(value)` and bare `key`, as Open vSwitch does.
// Offsets are kept into the whole line, so that an error found deep inside names its column.

import { FlowSyntaxError, FlowUnsupportedError, type TextPosition } from "../errors.ts";
import type { PortNames } from "./port.ts";

/** One line of flow syntax, and what its names mean. */
export class FlowText {
  readonly text: string;
  readonly at: TextPosition;
  readonly ports: PortNames | undefined;

  constructor(text: string, at: TextPosition = {}, ports?: PortNames) {
    this.text = text;
    this.at = at;
    this.ports = ports;
  }

  /** Returns the error that `reason` describes, at an offset into the line. */
  error(offset: number, reason: string, expected?: string, got?: string): FlowSyntaxError {
    return new FlowSyntaxError(reason, { ...this.position(offset), expected, got });
  }

  /** Returns the error for something real that this switch does not do. */
  unsupported(offset: number, reason: string): FlowUnsupportedError {
    return new FlowUnsupportedError(reason, this.position(offset));
  }

  /** Returns where in the file an offset into the line lies. */
  position(offset: number): TextPosition {
    return { ...this.at, column: offset + (this.at.column ?? 1) };
  }
}

/** A piece of a line: its text and where it starts. */
export interface Piece {
  readonly text: string;
  readonly at: number;
}

const COLON = 0x3a;
const EQUALS = 0x3d;
const OPEN = 0x28;
const CLOSE = 0x29;
const COMMA = 0x2c;

/** Walks the key-value pairs of `text` between two offsets. */
export class KeyValueScanner {
  /** The pair that `next` found; `value` is empty where there is none. */
  key = "";
  keyAt = 0;
  value = "";
  valueAt = 0;
  private readonly text: string;
  private position: number;
  private readonly end: number;

  constructor(text: string, start = 0, end = text.length) {
    this.text = text;
    this.position = start;
    this.end = end;
  }

  /** Moves to the next pair; returns false at the end. */
  next(): boolean {
    const { text, end } = this;
    let i = this.position;
    while (i < end && isSeparator(text.charCodeAt(i))) i++;
    if (i >= end) {
      this.position = i;
      return false;
    }
    const start = i;
    while (i < end && !endsKey(text.charCodeAt(i))) i++;
    this.key = text.slice(start, i);
    this.keyAt = start;
    const delimiter = i < end ? text.charCodeAt(i) : 0;
    if (delimiter === EQUALS || delimiter === COLON) this.takeValue(i + 1, false);
    else if (delimiter === OPEN) this.takeValue(i + 1, true);
    else {
      this.value = "";
      this.valueAt = i;
      this.position = i < end ? i + 1 : i;
    }
    return true;
  }

  /** Takes the value that starts at `start`; `(x)->y` counts as one value, `x)->y`. */
  private takeValue(start: number, parenthesised: boolean): void {
    const { text, end } = this;
    let i = this.valueEnd(start, parenthesised);
    if (parenthesised && i < end && text.startsWith(")->", i)) i = this.valueEnd(i, false);
    this.value = text.slice(start, i);
    this.valueAt = start;
    this.position = i < end ? i + 1 : i;
  }

  /** Returns where a value ends: at `)`, or at a comma or space outside of parentheses. */
  private valueEnd(start: number, parenthesised: boolean): number {
    const { text, end } = this;
    let i = start;
    while (i < end) {
      const c = text.charCodeAt(i);
      if (parenthesised ? c === CLOSE : isSeparator(c)) return i;
      if (c === OPEN) i = skipParentheses(text, i, end);
      else i++;
    }
    return i;
  }
}

/** Splits at any of the characters of `separators`, dropping empty parts, as C's strtok. */
export function splitTokens(piece: Piece, separators: string): Piece[] {
  const tokens: Piece[] = [];
  const { text } = piece;
  let start = -1;
  for (let i = 0; i <= text.length; i++) {
    const ends = i === text.length || separators.includes(text[i]!);
    if (!ends && start < 0) start = i;
    if (ends && start >= 0) {
      tokens.push({ text: text.slice(start, i), at: piece.at + start });
      start = -1;
    }
  }
  return tokens;
}

function skipParentheses(text: string, start: number, end: number): number {
  let level = 0;
  for (let i = start; i < end; i++) {
    const c = text.charCodeAt(i);
    if (c === OPEN) level++;
    else if (c === CLOSE) level--;
    if (level === 0) return i + 1;
  }
  return end;
}

function isSpace(c: number): boolean {
  return c === 0x20 || c === 0x09 || c === 0x0a || c === 0x0d;
}

function isSeparator(c: number): boolean {
  return c === COMMA || isSpace(c);
}

function endsKey(c: number): boolean {
  return c === COLON || c === EQUALS || c === OPEN || isSeparator(c);
}
