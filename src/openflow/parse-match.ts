// The match half of a flow in text: protocol words, fields with masks, parts of fields.

import { KEY_TCI0, KEY_TPID0 } from "../../assembly/layout/flow-key.ts";
import { getLe16, setBe16 } from "../odp/flow-key.ts";
import { type Field, fieldByName, fieldOf } from "./field.ts";
import { fieldGet, fieldSet, ones } from "./field-value.ts";
import { flowCreate } from "./flow-layout.ts";
import { type FlowText, KeyValueScanner, type Piece } from "./key-value.ts";
import {
  type Match,
  matchClearField,
  matchCreate,
  matchEthernet,
  matchRequire,
  matchSetField,
  matchSetSubfield,
} from "./match.ts";
import { normalizeMatch } from "./match-normalize.ts";
import { isUnsupportedField, parseSubfield } from "./parse-subfield.ts";
import { parseExactValue, parseMaskedValue, parseSubfieldValue } from "./parse-value.ts";
import { OFPP_NONE } from "./port.ts";
import { ETH_TYPE_VLAN_8021Q, prereqMet } from "./prereq.ts";
import { PROTOCOLS } from "./protocol.ts";

const ethType = fieldOf("eth_type");
const ipProto = fieldOf("nw_proto");
const packetType = fieldOf("packet_type");

/** Fields that no OpenFlow message can carry: a rule may not match them. */
const inexpressible = new Set(["skb_priority", "tun_ttl", "tun_tos"].map(fieldOf));

/** Reads a text that holds a match and nothing else (`tcp,nw_dst=10.0.0.1`). */
export function parseMatch(source: FlowText): Match {
  const match = matchCreate();
  const scan = new KeyValueScanner(source.text);
  while (scan.next()) {
    if (parseMatchKey(source, match, scan)) continue;
    throw unknownKey(source, scan);
  }
  normalizeMatch(match);
  return match;
}

/** Adds to `match` what a key-value pair says; returns false if the key is not one of a match. */
export function parseMatchKey(source: FlowText, match: Match, pair: KeyValueScanner): boolean {
  const { key } = pair;
  const field = fieldByName(key);
  if (field !== undefined) {
    setField(source, match, field, { text: pair.value, at: pair.valueAt }, pair.keyAt);
    return true;
  }
  const protocol = PROTOCOLS.get(key);
  if (protocol !== undefined) {
    matchSetField(match, ethType, BigInt(protocol.ethType));
    if (protocol.ipProto !== 0) matchSetField(match, ipProto, BigInt(protocol.ipProto));
    matchEthernet(match);
    return true;
  }
  if (key === "eth") {
    matchSetField(match, packetType, 0n);
    return true;
  }
  if (!key.includes("[")) return false;
  const part = parseSubfield(source, { text: key, at: pair.keyAt });
  refuseInexpressible(source, part.field, pair.keyAt);
  const value = parseSubfieldValue(source, part, { text: pair.value, at: pair.valueAt });
  matchSetSubfield(match, part, value);
  matchRequire(match, part.field);
  return true;
}

/** Returns the error for a key that nothing in a flow is called. */
export function unknownKey(source: FlowText, pair: KeyValueScanner): Error {
  if (isUnsupportedField(pair.key)) {
    return source.unsupported(
      pair.keyAt,
      `field ${pair.key} is not supported: tunnel options and NSH are not`,
    );
  }
  return source.error(pair.keyAt, "unknown keyword", "a match field or a flow's property", pair.key);
}

/**
 * Reads a packet's flow (`in_port=1,tcp,nw_src=10.0.0.1,...`): exact values, each field once and after
 * its prerequisites; everything else is zero.
 */
export function parseExactFlow(source: FlowText): Uint32Array {
  const words = flowCreate();
  const scan = new KeyValueScanner(source.text);
  const inPort = fieldOf("in_port_oxm");
  while (scan.next()) {
    const protocol = PROTOCOLS.get(scan.key);
    if (protocol !== undefined) {
      setOnce(source, words, ethType, BigInt(protocol.ethType), scan.keyAt);
      if (protocol.ipProto !== 0) setOnce(source, words, ipProto, BigInt(protocol.ipProto), scan.keyAt);
      continue;
    }
    const field = fieldByName(scan.key);
    if (field === undefined) throw unknownKey(source, scan);
    if (!prereqMet(field.prereq, words)) {
      throw source.error(
        scan.keyAt,
        `prerequisites of ${scan.key} not met`,
        "what the field belongs to, before it",
      );
    }
    const value = parseExactValue(source, field, { text: scan.value, at: scan.valueAt });
    setOnce(source, words, field, value, scan.keyAt);
  }
  if (fieldGet(words, inPort) === 0n) fieldSet(words, inPort, BigInt(OFPP_NONE));
  if (getLe16(words, KEY_TCI0) !== 0) setBe16(words, KEY_TPID0, ETH_TYPE_VLAN_8021Q);
  return words;
}

function setField(source: FlowText, match: Match, field: Field, value: Piece, keyAt: number): void {
  refuseInexpressible(source, field, keyAt);
  // A field without a value matches nothing, but counts for the prerequisites.
  const piece = value.text === "" ? { text: "0/0", at: value.at } : value;
  const parsed = parseMaskedValue(source, field, piece);
  const exact = parsed.mask === ones(field.bytes * 8);
  if (parsed.mask === 0n) matchClearField(match, field);
  else matchSetField(match, field, parsed.value, exact ? field.valueMask : parsed.mask & field.valueMask);
  matchRequire(match, field);
}

function refuseInexpressible(source: FlowText, field: Field, at: number): void {
  if (!inexpressible.has(field)) return;
  throw source.error(at, `no version of OpenFlow can match ${field.name}`, "a field that a rule may match");
}

function setOnce(source: FlowText, words: Uint32Array, field: Field, value: bigint, at: number): void {
  if (fieldGet(words, field) !== 0n) throw source.error(at, `${field.name} is set twice`, "each field once");
  fieldSet(words, field, value & field.valueMask);
}
