// Reader of `learn(...)`: the properties of the rule to learn, and what it matches, loads and outputs.

import type { LearnAction, LearnSpec, OfAction } from "./action.ts";
import { fieldByName, fieldByOxmName, type Subfield } from "./field.ts";
import { type FlowText, KeyValueScanner, type Piece } from "./key-value.ts";
import type { ActionContext } from "./parse-actions.ts";
import { requireWritable, splitArrow } from "./parse-header-action.ts";
import { parseU16, parseU32, parseU64, readInteger } from "./parse-number.ts";
import { isUnsupportedField, parseSubfield } from "./parse-subfield.ts";
import { parseTable, TABLE_ALL } from "./parse-table.ts";
import { parseExactValue, parseSubfieldValue } from "./parse-value.ts";
import { PRIORITY_DEFAULT } from "./rule.ts";

/** The parts of a learn action that are not specs, while they are read. */
type Properties = { -readonly [K in keyof Omit<LearnAction, "type" | "specs">]: LearnAction[K] };

const propertyReaders: Readonly<
  Record<string, (learn: Properties, value: Piece, context: ActionContext) => void>
> = {
  table: (learn, value, { source }) => {
    learn.tableId = parseTable(source, value);
    if (learn.tableId === TABLE_ALL)
      throw source.error(value.at, "learn into table 255", "a table from 0 to 254");
  },
  priority: (learn, value, { source }) => {
    learn.priority = parseU16(source, value, "priority");
  },
  idle_timeout: (learn, value, { source }) => {
    learn.idleTimeout = parseU16(source, value, "idle_timeout");
  },
  hard_timeout: (learn, value, { source }) => {
    learn.hardTimeout = parseU16(source, value, "hard_timeout");
  },
  fin_idle_timeout: (learn, value, { source }) => {
    learn.finIdleTimeout = parseU16(source, value, "fin_idle_timeout");
  },
  fin_hard_timeout: (learn, value, { source }) => {
    learn.finHardTimeout = parseU16(source, value, "fin_hard_timeout");
  },
  cookie: (learn, value, { source }) => {
    learn.cookie = parseU64(source, value, "cookie");
  },
  limit: (learn, value, { source }) => {
    learn.limit = parseU32(source, value, "limit");
  },
  send_flow_rem: (learn) => {
    learn.sendFlowRem = true;
  },
  delete_learned: (learn) => {
    learn.deleteLearned = true;
  },
  result_dst: (learn, value, context) => {
    const dst = parseSubfield(context.source, value);
    requireWritable(context, dst.field, value.at);
    if (dst.width !== 1)
      throw context.source.error(value.at, "result_dst too wide", "a single bit", value.text);
    learn.resultDst = dst;
  },
};

/** Reads the argument of learn. */
export function parseLearn(arg: Piece, context: ActionContext): OfAction {
  const { source } = context;
  const learn: Properties = {
    tableId: 1,
    priority: PRIORITY_DEFAULT,
    idleTimeout: 0,
    hardTimeout: 0,
    finIdleTimeout: 0,
    finHardTimeout: 0,
    cookie: 0n,
    sendFlowRem: false,
    deleteLearned: false,
    limit: 0,
    resultDst: undefined,
  };
  const specs: LearnSpec[] = [];
  const scan = new KeyValueScanner(source.text, arg.at, arg.at + arg.text.length);
  while (scan.next()) {
    const value = { text: scan.value, at: scan.valueAt };
    const read = Object.hasOwn(propertyReaders, scan.key) ? propertyReaders[scan.key] : undefined;
    if (read !== undefined) read(learn, value, context);
    else specs.push(parseSpec({ text: scan.key, at: scan.keyAt }, value, context));
  }
  return { type: "learn", ...learn, specs };
}

function parseSpec(name: Piece, value: Piece, context: ActionContext): LearnSpec {
  const { source } = context;
  if (name.text === "load") return parseLoadSpec(value, context);
  if (name.text === "output") {
    const src = parseSubfield(source, value);
    return { kind: "output", src, immediate: undefined, dst: undefined, width: src.width };
  }
  if (!startsWithField(name.text)) {
    throw source.error(name.at, "unknown keyword in learn", "a field, load, output or a property", name.text);
  }
  return parseMatchSpec(requireNxm(source, parseSubfield(source, name), name), value, source);
}

/** `FIELD`, `FIELD=FIELD` or `FIELD=IMMEDIATE`. */
function parseMatchSpec(dst: Subfield, value: Piece, source: FlowText): LearnSpec {
  if (value.text === "") return { kind: "match", src: dst, immediate: undefined, dst, width: dst.width };
  if (startsWithField(value.text)) {
    const src = parseSubfield(source, value);
    if (src.width !== dst.width) {
      const got = `${src.width} and ${dst.width} bits`;
      throw source.error(value.at, "source and destination differ in width", "fields of one width", got);
    }
    return { kind: "match", src, immediate: undefined, dst, width: dst.width };
  }
  const whole = dst.offset === 0 && dst.width === dst.field.width;
  const immediate = whole
    ? parseExactValue(source, dst.field, value)
    : parseSubfieldValue(source, dst, value);
  return { kind: "match", src: undefined, immediate, dst, width: dst.width };
}

/** `VALUE->FIELD` or `FIELD->FIELD`. */
function parseLoadSpec(value: Piece, context: ActionContext): LearnSpec {
  const { source } = context;
  const [from, to] = splitArrow(value, context);
  if (from.text === "") throw source.error(from.at, "missing source before ->", "a value or a field");
  const dst = requireNxm(source, parseSubfield(source, to), to);
  requireWritable(context, dst.field, to.at);
  if (readInteger(from.text) !== undefined) {
    const immediate = parseSubfieldValue(source, dst, from);
    return { kind: "load", src: undefined, immediate, dst, width: dst.width };
  }
  const src = parseSubfield(source, from);
  if (src.width !== dst.width) {
    const got = `${src.width} and ${dst.width} bits`;
    throw source.error(from.at, "source and destination differ in width", "fields of one width", got);
  }
  return { kind: "load", src, immediate: undefined, dst, width: dst.width };
}

function startsWithField(text: string): boolean {
  const name = text.replace(/\[.*$/, "");
  const known = fieldByName(name) ?? fieldByOxmName(name.replace(/_W$/, ""));
  return known !== undefined || isUnsupportedField(name);
}

/** learn travels as Nicira's extension, which can name only fields with an NXM or standard OXM header. */
function requireNxm(source: FlowText, part: Subfield, piece: Piece): Subfield {
  const header = part.field.oxm[0];
  if (header !== undefined && header.class !== 0xffff) return part;
  throw source.error(
    piece.at,
    `learn cannot name ${part.field.name}`,
    "a field with an NXM name",
    piece.text,
  );
}
