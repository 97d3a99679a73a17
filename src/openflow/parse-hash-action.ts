// Readers of the actions that choose by a hash of the packet: multipath, bundle and bundle_load.

import type { BundleAlgorithm, HashFields, MultipathAlgorithm, OfAction } from "./action.ts";
import { type Piece, splitTokens } from "./key-value.ts";
import type { ActionContext, ActionReader } from "./parse-actions.ts";
import { requireWritable } from "./parse-header-action.ts";
import { parseU16, parseU32, parseUint } from "./parse-number.ts";
import { parsePort } from "./parse-port.ts";
import { parseSubfield } from "./parse-subfield.ts";

export const hashActionReaders: readonly (readonly [string, ActionReader])[] = [
  ["multipath", parseMultipath],
  ["bundle", (arg, context) => parseBundle(arg, context, false)],
  ["bundle_load", (arg, context) => parseBundle(arg, context, true)],
];

const HASH_FIELDS: readonly HashFields[] = [
  "eth_src",
  "symmetric_l4",
  "symmetric_l3l4",
  "symmetric_l3l4+udp",
  "nw_src",
  "nw_dst",
  "symmetric_l3",
];
const MULTIPATH_ALGORITHMS: readonly MultipathAlgorithm[] = [
  "modulo_n",
  "hash_threshold",
  "hrw",
  "iter_hash",
];
const BUNDLE_ALGORITHMS: readonly BundleAlgorithm[] = ["active_backup", "hrw"];
/** Most members of a bundle; Open vSwitch's BUNDLE_MAX_MEMBERS. */
const MEMBERS_MAX = 2048;

function parseMultipath(arg: Piece, context: ActionContext): OfAction {
  const { source } = context;
  const [fields, basis, algorithm, links, argument, dstPiece] = splitTokens(arg, ", ");
  if (!fields || !basis || !algorithm || !links || !argument || !dstPiece) {
    throw source.error(
      arg.at,
      "multipath lacks arguments",
      "multipath(FIELDS,BASIS,ALGORITHM,LINKS,ARG,DST)",
      arg.text,
    );
  }
  const linkCount = parseUint(source, links, "number of links", 65536);
  if (linkCount < 1) throw source.error(links.at, "bad number of links", "1 to 65536", links.text);
  const dst = parseSubfield(source, dstPiece);
  requireWritable(context, dst.field, dstPiece.at);
  if (dst.width < 16 && linkCount > 2 ** dst.width) {
    throw source.error(
      dstPiece.at,
      "destination too narrow",
      `a field that holds ${linkCount} values`,
      dstPiece.text,
    );
  }
  return {
    type: "multipath",
    fields: oneOf(HASH_FIELDS, fields, "fields", context),
    basis: parseU16(source, basis, "basis"),
    algorithm: oneOf(MULTIPATH_ALGORITHMS, algorithm, "algorithm", context),
    linkCount,
    arg: parseU32(source, argument, "argument"),
    dst,
  };
}

function parseBundle(arg: Piece, context: ActionContext, load: boolean): OfAction {
  const { source } = context;
  const tokens = splitTokens(arg, ", :[]");
  const [fields, basis, algorithm, memberType] = tokens;
  const word = tokens.findIndex((piece) => /^(members|slaves)$/i.test(piece.text));
  if (!fields || !basis || !algorithm || !memberType || word < (load ? 5 : 4) || (!load && word > 4)) {
    const dst = load ? "DST," : "";
    const name = load ? "bundle_load" : "bundle";
    throw source.error(
      arg.at,
      `${name} lacks arguments`,
      `${name}(FIELDS,BASIS,ALGORITHM,ofport,${dst}members:PORT,...)`,
      arg.text,
    );
  }
  if (memberType.text.toLowerCase() !== "ofport") {
    throw source.error(memberType.at, "unknown member type", "ofport", memberType.text);
  }
  const members = tokens.slice(word + 1).map((piece) => parsePort(source, piece));
  if (members.length > MEMBERS_MAX) throw source.error(arg.at, "too many members", `${MEMBERS_MAX} at most`);
  return {
    type: "bundle",
    fields: oneOf(HASH_FIELDS, fields, "fields", context),
    basis: parseU16(source, basis, "basis"),
    algorithm: oneOf(BUNDLE_ALGORITHMS, algorithm, "algorithm", context),
    members,
    dst: load ? bundleDestination(arg, context) : undefined,
  };
}

/** The fifth argument of bundle_load, which may hold brackets. */
function bundleDestination(arg: Piece, context: ActionContext) {
  const piece = splitTokens(arg, ", ")[4]!;
  const dst = parseSubfield(context.source, piece);
  requireWritable(context, dst.field, piece.at);
  return dst;
}

function oneOf<T extends string>(
  names: readonly T[],
  piece: Piece,
  what: string,
  { source }: ActionContext,
): T {
  const found = names.find((name) => name === piece.text.toLowerCase());
  if (found !== undefined) return found;
  throw source.error(piece.at, `unknown ${what}`, names.join(", "), piece.text);
}
