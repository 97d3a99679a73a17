// Readers of the actions on metadata and on the course of the pipeline, instructions included.

import { type OfAction, TABLE_CURRENT } from "./action.ts";
import { KeyValueScanner, type Piece } from "./key-value.ts";
import { METER_ID_MAX } from "./meter.ts";
import type { ActionContext, ActionReader } from "./parse-actions.ts";
import { parseHexBytes } from "./parse-bytes.ts";
import { requireWritable, splitArrow } from "./parse-header-action.ts";
import { parseU16, parseU32, parseU64, readNumber } from "./parse-number.ts";
import { parsePort } from "./parse-port.ts";
import { parseSubfield } from "./parse-subfield.ts";
import { parseTable } from "./parse-table.ts";
import { OFPP_IN_PORT, OFPP_NONE, type OfPort } from "./port.ts";
import { USABLE_ANY, USABLE_OF10, USABLE_OF13_UP } from "./usable.ts";

export const pipelineActionReaders: readonly (readonly [string, ActionReader])[] = [
  ["push", (arg, { source }) => ({ type: "push", src: parseSubfield(source, arg) })],
  ["pop", parsePop],
  ["set_queue", (arg, { source }) => ({ type: "setQueue", queueId: parseU32(source, arg, "queue id") })],
  ["pop_queue", () => ({ type: "popQueue" })],
  ["fin_timeout", parseFinTimeout],
  ["resubmit", parseResubmit],
  ["conjunction", parseConjunction],
  ["note", (arg, { source }) => ({ type: "note", data: padNote(parseHexBytes(source, arg)) })],
  ["exit", () => ({ type: "exit" })],
  ["sample", parseSample],
  ["check_pkt_larger", parseCheckPktLarger],
  ["debug_recirc", () => ({ type: "debugRecirc" })],
  ["debug_slow", () => ({ type: "debugSlow" })],
  ["meter", parseMeter],
  ["clear_actions", () => ({ type: "clearActions" })],
  ["write_metadata", parseWriteMetadata],
  ["goto_table", (arg, { source }) => ({ type: "gotoTable", tableId: parseTable(source, arg) })],
];

/** A note fills its action, whose size is a multiple of 8 with a header of 10 bytes. */
function padNote(data: Uint8Array): Uint8Array {
  const size = Math.max(6, Math.ceil((data.length + 10) / 8) * 8 - 10);
  const padded = new Uint8Array(size);
  padded.set(data);
  return padded;
}

function parsePop(arg: Piece, context: ActionContext): OfAction {
  const dst = parseSubfield(context.source, arg);
  requireWritable(context, dst.field, arg.at);
  return { type: "pop", dst };
}

function parseFinTimeout(arg: Piece, { source }: ActionContext): OfAction {
  let idleTimeout = 0;
  let hardTimeout = 0;
  const scan = new KeyValueScanner(source.text, arg.at, arg.at + arg.text.length);
  while (scan.next()) {
    const value = { text: scan.value, at: scan.valueAt };
    if (scan.key === "idle_timeout") idleTimeout = parseU16(source, value, scan.key);
    else if (scan.key === "hard_timeout") hardTimeout = parseU16(source, value, scan.key);
    else
      throw source.error(scan.keyAt, "unknown key in fin_timeout", "idle_timeout or hard_timeout", scan.key);
  }
  return { type: "finTimeout", idleTimeout, hardTimeout };
}

function parseResubmit(arg: Piece, { source }: ActionContext): OfAction {
  const [port, table, ct] = splitCommas(arg);
  const inPort: OfPort = port === undefined || port.text === "" ? OFPP_IN_PORT : parsePort(source, port);
  const tableId = table === undefined || table.text === "" ? TABLE_CURRENT : parseTable(source, table);
  if (ct !== undefined && ct.text !== "") {
    if (ct.text !== "ct") throw source.error(ct.at, "unknown parameter of resubmit", "ct", ct.text);
    throw source.unsupported(ct.at, "resubmit(...,ct): connection tracking is not supported");
  }
  if (inPort === OFPP_IN_PORT && tableId === TABLE_CURRENT) {
    throw source.error(arg.at, "resubmit to nowhere", "resubmit(PORT,TABLE) with at least one of the two");
  }
  return { type: "resubmit", inPort, tableId };
}

/** Splits at every comma, keeping empty parts. */
function splitCommas(arg: Piece): Piece[] {
  let at = arg.at;
  return arg.text.split(",").map((text) => {
    const piece = { text: text.trim(), at };
    at += text.length + 1;
    return piece;
  });
}

function parseConjunction(arg: Piece, { source }: ActionContext): OfAction {
  const parts = /^\s*(\w+)\s*,\s*(\d+)\s*\/\s*(\d+)\s*$/.exec(arg.text);
  if (parts === null) throw source.error(arg.at, "bad conjunction", "conjunction(ID,K/N)", arg.text);
  const id = readNumber(parts[1]!);
  const clause = Number(parts[2]);
  const clauseCount = Number(parts[3]);
  if (!(id >= 0 && id <= 0xffffffff)) throw source.error(arg.at, "bad conjunction", "a 32-bit id", parts[1]);
  if (clauseCount < 2 || clauseCount > 64) {
    throw source.error(arg.at, "bad number of clauses", "2 to 64 clauses", parts[3]);
  }
  if (clause < 1 || clause > clauseCount) {
    throw source.error(arg.at, "bad clause", `a clause from 1 to ${clauseCount}`, parts[2]);
  }
  return { type: "conjunction", id, clause: clause - 1, clauseCount };
}

function parseSample(arg: Piece, { source }: ActionContext): OfAction {
  const numbers = { probability: 0, collector_set_id: 0, obs_domain_id: 0, obs_point_id: 0 };
  let samplingPort: OfPort = OFPP_NONE;
  let direction: "default" | "ingress" | "egress" = "default";
  const scan = new KeyValueScanner(source.text, arg.at, arg.at + arg.text.length);
  while (scan.next()) {
    const { key } = scan;
    const value = { text: scan.value, at: scan.valueAt };
    if (key === "probability") numbers.probability = parseU16(source, value, key);
    else if (key === "collector_set_id" || key === "obs_domain_id" || key === "obs_point_id") {
      numbers[key] = parseU32(source, value, key);
    } else if (key === "sampling_port") samplingPort = parsePort(source, value);
    else if (key === "ingress" || key === "egress") direction = key;
    else throw source.error(scan.keyAt, "unknown key in sample", "probability, collector_set_id, ...", key);
  }
  if (numbers.probability === 0)
    throw source.error(arg.at, "sample without probability", "probability=1 to 65535");
  return {
    type: "sample",
    probability: numbers.probability,
    collectorSetId: numbers.collector_set_id,
    obsDomainId: numbers.obs_domain_id,
    obsPointId: numbers.obs_point_id,
    samplingPort,
    direction,
  };
}

/** The argument is `BYTES)->FIELD`, as the scanner hands on `check_pkt_larger(BYTES)->FIELD`. */
function parseCheckPktLarger(arg: Piece, context: ActionContext): OfAction {
  const { source } = context;
  const [valuePiece, fieldPiece] = splitArrow(arg, context);
  const dst = parseSubfield(source, fieldPiece);
  requireWritable(context, dst.field, fieldPiece.at);
  if (dst.width !== 1)
    throw source.error(fieldPiece.at, "destination too wide", "a single bit", fieldPiece.text);
  const text = valuePiece.text.replace(/\)$/, "");
  return {
    type: "checkPktLarger",
    pktLen: parseU16(source, { text, at: valuePiece.at }, "packet length"),
    dst,
  };
}

function parseMeter(arg: Piece, context: ActionContext): OfAction {
  context.usable &= USABLE_OF13_UP;
  const meterId = parseU32(context.source, arg, "meter id");
  if (meterId === 0 || meterId > METER_ID_MAX) {
    throw context.source.error(arg.at, "bad meter id", `1 to ${METER_ID_MAX}`, arg.text);
  }
  return { type: "meter", meterId };
}

function parseWriteMetadata(arg: Piece, context: ActionContext): OfAction {
  const { source } = context;
  context.usable &= USABLE_ANY - USABLE_OF10;
  const slash = arg.text.indexOf("/");
  const valueText = slash < 0 ? arg.text : arg.text.slice(0, slash);
  const metadata = parseU64(source, { text: valueText, at: arg.at }, "metadata");
  if (slash < 0) return { type: "writeMetadata", metadata, mask: (1n << 64n) - 1n };
  const maskPiece = { text: arg.text.slice(slash + 1), at: arg.at + slash + 1 };
  return { type: "writeMetadata", metadata, mask: parseU64(source, maskPiece, "metadata mask") };
}
