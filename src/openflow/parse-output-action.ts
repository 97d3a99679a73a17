// Readers of the actions that send a packet somewhere.

import { CONTROLLER_MAX_LEN, type OfAction, type PacketInReason } from "./action.ts";
import { KeyValueScanner, type Piece, splitTokens } from "./key-value.ts";
import type { ActionContext, ActionReader } from "./parse-actions.ts";
import { parseHexBytes } from "./parse-bytes.ts";
import { parseU16, parseU32 } from "./parse-number.ts";
import { parsePort, readPort } from "./parse-port.ts";
import { parseSubfield } from "./parse-subfield.ts";
import { OFPP_CONTROLLER, OFPP_IN_PORT, OFPP_LOCAL, OFPP_MAX, type OfPort } from "./port.ts";

/** Fewest bytes that `output(max_len=...)` may leave: an Ethernet header. */
const TRUNCATE_MIN = 14;

export const outputActionReaders: readonly (readonly [string, ActionReader])[] = [
  ["output", parseOutput],
  ["output_reg", parseOutput],
  ["group", parseGroup],
  ["controller", parseController],
  ["enqueue", parseEnqueue],
];

/** Reasons as OpenFlow and ovs-ofctl spell them. */
const PACKET_IN_REASONS: readonly PacketInReason[] = [
  "no_match",
  "action",
  "invalid_ttl",
  "action_set",
  "group",
  "packet_out",
  "explicit_miss",
  "implicit_miss",
];

function parseOutput(arg: Piece, context: ActionContext): OfAction {
  const { source } = context;
  if (arg.text.includes("port") && arg.text.includes("max_len")) return parseOutputTrunc(arg, context);
  const port = readPort(arg.text, source);
  if (port !== undefined) {
    return { type: "output", port, maxLen: port === OFPP_CONTROLLER ? CONTROLLER_MAX_LEN : 0 };
  }
  if (!/^[A-Za-z_]\w*(\[.*\])?$/.test(arg.text)) {
    throw source.error(arg.at, "output to unknown port", "a port, or a field that holds one", arg.text);
  }
  return { type: "outputReg", src: parseSubfield(source, arg), maxLen: CONTROLLER_MAX_LEN };
}

function parseOutputTrunc(arg: Piece, { source }: ActionContext): OfAction {
  let port: OfPort | undefined;
  let maxLen = 0;
  const scan = new KeyValueScanner(source.text, arg.at, arg.at + arg.text.length);
  while (scan.next()) {
    const value = { text: scan.value, at: scan.valueAt };
    if (scan.key === "port") {
      port = parsePort(source, value);
      if (port > OFPP_MAX - 0x100 && port !== OFPP_LOCAL && port !== OFPP_IN_PORT) {
        throw source.error(
          value.at,
          "truncating output to a reserved port",
          "a port of the switch",
          value.text,
        );
      }
    } else if (scan.key === "max_len") {
      maxLen = parseU32(source, value, "max_len");
      if (maxLen < TRUNCATE_MIN) {
        throw source.error(value.at, "max_len too small", `${TRUNCATE_MIN} or more`, value.text);
      }
    } else throw source.error(scan.keyAt, "unknown key in output", "port or max_len", scan.key);
  }
  if (port === undefined) throw source.error(arg.at, "output without a port", "port=PORT,max_len=BYTES");
  return { type: "outputTrunc", port, maxLen };
}

function parseGroup(arg: Piece, { source }: ActionContext): OfAction {
  return { type: "group", groupId: parseU32(source, arg, "group id") };
}

function parseController(arg: Piece, { source }: ActionContext): OfAction {
  let reason: PacketInReason = "action";
  let maxLen = CONTROLLER_MAX_LEN;
  let controllerId = 0;
  let userdata = new Uint8Array(0);
  let hasUserdata = false;
  let pause = false;
  let meterId = 0;
  const plainLength = /^\d+$/.test(arg.text);
  if (plainLength) maxLen = parseU16(source, arg, "max_len");
  const scan = new KeyValueScanner(source.text, arg.at, arg.at + (plainLength ? 0 : arg.text.length));
  while (scan.next()) {
    const value = { text: scan.value, at: scan.valueAt };
    if (scan.key === "reason") reason = parseReason(value, source);
    else if (scan.key === "max_len") maxLen = parseU16(source, value, "max_len");
    else if (scan.key === "id") controllerId = parseU16(source, value, "controller id");
    else if (scan.key === "meter_id") meterId = parseU32(source, value, "meter id");
    else if (scan.key === "pause") pause = true;
    else if (scan.key === "userdata") {
      userdata = parseHexBytes(source, value);
      hasUserdata = true;
    } else {
      const expected = "max_len, reason, id, userdata, pause or meter_id";
      throw source.error(scan.keyAt, "unknown key in controller", expected, scan.key);
    }
  }
  if (reason === "action" && controllerId === 0 && !hasUserdata && !pause && meterId === 0) {
    return { type: "output", port: OFPP_CONTROLLER, maxLen };
  }
  return { type: "controller", reason, maxLen, controllerId, userdata, pause, meterId };
}

function parseReason(piece: Piece, source: ActionContext["source"]): PacketInReason {
  const reason = PACKET_IN_REASONS.find((name) => name === piece.text.toLowerCase());
  if (reason !== undefined) return reason;
  throw source.error(piece.at, "unknown reason", PACKET_IN_REASONS.join(", "), piece.text);
}

function parseEnqueue(arg: Piece, { source }: ActionContext): OfAction {
  const [portPiece] = splitTokens(arg, ":q,");
  const syntax = "enqueue:PORT:QUEUE or enqueue(PORT,QUEUE)";
  if (portPiece === undefined) throw source.error(arg.at, "enqueue without a port", syntax);
  const at = portPiece.at + portPiece.text.length + 1;
  const text = arg.text.slice(at - arg.at);
  if (text === "") throw source.error(arg.at, "enqueue without a queue", syntax, arg.text);
  const port = parsePort(source, portPiece);
  return { type: "enqueue", port, queueId: parseU32(source, { text, at }, "queue id") };
}
