// Every error that a caller can act on: a class with a stable `code` and a message that says what was
// expected, what came instead and where.

/** Base of all errors that Megaflow raises on purpose. */
export class MegaflowError extends Error {
  /** Stable, machine-readable name of the kind of error. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Where in a text an error lies; lines and columns start at 1. */
export interface TextPosition {
  /** Name of the file or stream; absent for a string given directly. */
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
}

/** What a syntax error knows besides its message. */
export interface SyntaxErrorDetail extends TextPosition {
  /** What the parser would have taken here. */
  readonly expected?: string | undefined;
  /** What stood there. */
  readonly got?: string | undefined;
}

/** Returns `file:line:column: `, as far as it is known. */
function positionPrefix(at: TextPosition): string {
  if (at.file === undefined && at.line === undefined) {
    return at.column === undefined ? "" : `column ${at.column}: `;
  }
  const parts: (string | number)[] = [];
  if (at.file !== undefined) parts.push(at.file);
  if (at.line !== undefined) parts.push(at.line);
  if (at.column !== undefined) parts.push(at.column);
  return `${parts.join(":")}: `;
}

/** Text in a syntax that Megaflow reads is wrong; carries the position of the mistake. */
export class TextSyntaxError extends MegaflowError {
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;
  readonly expected: string | undefined;
  readonly got: string | undefined;
  /** The message without the position. */
  readonly reason: string;

  constructor(code: string, reason: string, detail: SyntaxErrorDetail = {}) {
    let message = positionPrefix(detail) + reason;
    if (detail.expected !== undefined) message += `; expected ${detail.expected}`;
    if (detail.got !== undefined) message += `, got ${detail.got === "" ? "nothing" : `"${detail.got}"`}`;
    super(code, message);
    this.file = detail.file;
    this.line = detail.line;
    this.column = detail.column;
    this.expected = detail.expected;
    this.got = detail.got;
    this.reason = reason;
  }
}

/** A flow, group or meter in `ovs-ofctl` syntax is wrong. */
export class FlowSyntaxError extends TextSyntaxError {
  constructor(reason: string, detail: SyntaxErrorDetail = {}) {
    super("FLOW_SYNTAX", reason, detail);
  }
}

/** A flow names something that exists in OpenFlow or Open vSwitch but that this switch does not do. */
export class FlowUnsupportedError extends TextSyntaxError {
  constructor(reason: string, detail: SyntaxErrorDetail = {}) {
    super("FLOW_UNSUPPORTED", reason, detail);
  }
}

/** A datapath flow or action list (`recirc_id(0),in_port(1),...`) is wrong. */
export class OdpSyntaxError extends TextSyntaxError {
  constructor(reason: string, detail: SyntaxErrorDetail = {}) {
    super("ODP_SYNTAX", reason, detail);
  }
}

/** An action list does not fit the datapath: too long, or nested too deep. */
export class ActionEncodingError extends MegaflowError {
  constructor(message: string) {
    super("ACTION_ENCODING", message);
  }
}

/** A configuration file or command-line setting is wrong; `file`, `line` and `column` where known. */
export class ConfigError extends TextSyntaxError {
  constructor(reason: string, detail: SyntaxErrorDetail = {}) {
    super("CONFIG", reason, detail);
  }
}

/** A command was called with options or operands that it does not take. */
export class UsageError extends MegaflowError {
  constructor(message: string) {
    super("USAGE", message);
  }
}

/** What is wrong with a capture: not one that can be read at all, ends too soon, or contradicts itself. */
export type CaptureErrorCode = "CAPTURE_FORMAT" | "CAPTURE_TRUNCATED" | "CAPTURE_CORRUPT";

/** A packet capture cannot be read; `offset` is the byte where reading stopped, before compression. */
export class CaptureError extends MegaflowError {
  readonly file: string;
  readonly offset: number;

  constructor(code: CaptureErrorCode, file: string, offset: number, reason: string, options?: ErrorOptions) {
    super(code, `${file}: ${reason}`, options);
    this.file = file;
    this.offset = offset;
  }
}

/** A line of a packet list (`PORT HEX [# note]`) is wrong. */
export class PacketSyntaxError extends TextSyntaxError {
  constructor(reason: string, detail: SyntaxErrorDetail = {}) {
    super("PACKET_SYNTAX", reason, detail);
  }
}

/** A configuration file has mistakes: all of them, one a line of the message, in the order of the file. */
export class ConfigFileError extends MegaflowError {
  readonly problems: readonly ConfigError[];

  constructor(problems: readonly ConfigError[]) {
    super("CONFIG_FILE", problems.map((problem) => problem.message).join("\n"));
    this.problems = problems;
  }
}

/** Something needs the native addon and it is absent; the message says why and how to get it. */
export class NativeMissingError extends MegaflowError {
  constructor(message: string) {
    super("NATIVE_MISSING", message);
  }
}
