// The plain parser's walk over IPv6 extension headers, and the OFPIEH_* bits of OpenFlow 1.3 section 7.2.3.8.

import type { Cursor } from "./packet/cursor.ts";

/** What a chain of extension headers comes to. */
export interface ExtensionChain {
  protocol: number;
  fragment: "no" | "first" | "later";
  /** OFPIEH_* bits. */
  headers: number;
}

type HeaderName = "hop" | "destination" | "router" | "fragment" | "auth" | "esp" | "none";

const NAMES: ReadonlyMap<number, HeaderName> = new Map([
  [0, "hop"],
  [43, "router"],
  [44, "fragment"],
  [50, "esp"],
  [51, "auth"],
  [59, "none"],
  [60, "destination"],
]);

const BITS = { none: 1, esp: 2, auth: 4, destination: 8, fragment: 16, router: 32, hop: 64 } as const;
const UNEXPECTED_REPEAT = 128;
const UNEXPECTED_SEQUENCE = 256;

/** Steps `body` over the chain that begins with header `first`; undefined where a header does not fit. */
export function walkExtensions(first: number, body: Cursor): ExtensionChain | undefined {
  const seen: HeaderName[] = [];
  let protocol = first;
  let fragment: ExtensionChain["fragment"] = "no";
  for (;;) {
    const name = NAMES.get(protocol);
    if (name !== undefined) seen.push(name);
    if (name === undefined || name === "esp" || name === "none") break;
    if (body.left < 8) return undefined;
    const size = headerSize(name, body.peekU8(1));
    if (size > body.left) return undefined;
    const offsetWord = body.peekU8(2) * 256 + body.peekU8(3);
    const next = body.peekU8(0);
    body.skip(size);
    if (name === "fragment" && offsetWord !== 0) {
      fragment = offsetWord >>> 3 === 0 ? "first" : "later";
      if (fragment === "later") break;
    }
    protocol = next;
  }
  return { protocol, fragment, headers: headerBits(seen) };
}

function headerSize(name: HeaderName, length: number): number {
  if (name === "fragment") return 8;
  return name === "auth" ? (length + 2) * 4 : (length + 1) * 8;
}

function headerBits(seen: readonly HeaderName[]): number {
  let bits = 0;
  for (const name of seen) bits |= BITS[name];
  for (const name of new Set(seen)) {
    const expected = name === "destination" ? 2 : 1;
    if (seen.filter((other) => other === name).length > expected) bits |= UNEXPECTED_REPEAT;
  }
  return isInSequence(seen) ? bits : bits | UNEXPECTED_SEQUENCE;
}

/**
 * Whether no header comes behind one that RFC 8200 section 4.1 lists after it. Destination options are
 * listed twice: the first such header takes the early place where that is still to come.
 */
function isInSequence(seen: readonly HeaderName[]): boolean {
  const order = ["hop", "early destination", "router", "fragment", "auth", "esp", "destination", "none"];
  let reached = -1;
  for (const name of seen) {
    const early = name === "destination" && reached < order.indexOf("early destination");
    const place = order.indexOf(early ? "early destination" : name);
    if (place < reached) return false;
    reached = place;
  }
  return true;
}
