// The chain of IPv6 extension headers (RFC 8200 section 4): where it ends, and which headers it has.
//
// The walk follows Open vSwitch: hop-by-hop options, routing, destination options, authentication and
// fragment headers are stepped over; a later fragment and any other number end it.

import { NW_FRAG_ANY, NW_FRAG_LATER } from "../layout/flow-key.ts";
import {
  IP_PROTO_AUTHENTICATION,
  IP_PROTO_DESTINATION,
  IP_PROTO_ESP,
  IP_PROTO_FRAGMENT,
  IP_PROTO_HOP_BY_HOP,
  IP_PROTO_NO_NEXT_HEADER,
  IP_PROTO_ROUTING,
} from "./protocol.ts";

/** OFPIEH_* bits of the key's ipv6_exthdr (OpenFlow 1.3, section 7.2.3.8). */
export const EXTENSION_NONEXT: u32 = 1;
export const EXTENSION_ESP: u32 = 1 << 1;
export const EXTENSION_AUTH: u32 = 1 << 2;
export const EXTENSION_DEST: u32 = 1 << 3;
export const EXTENSION_FRAG: u32 = 1 << 4;
export const EXTENSION_ROUTER: u32 = 1 << 5;
export const EXTENSION_HOP: u32 = 1 << 6;
/** A header more often than RFC 8200 expects: destination options twice, others once. */
export const EXTENSION_UNREP: u32 = 1 << 7;
/** A header behind one that should come after it in the order of RFC 8200 section 4.1. */
export const EXTENSION_UNSEQ: u32 = 1 << 8;

/** Header numbers that have a bit in ipv6_exthdr, as a set of the numbers 0-63. */
const EXTENSIONS: u64 =
  ((1 as u64) << IP_PROTO_HOP_BY_HOP) |
  ((1 as u64) << IP_PROTO_ROUTING) |
  ((1 as u64) << IP_PROTO_FRAGMENT) |
  ((1 as u64) << IP_PROTO_ESP) |
  ((1 as u64) << IP_PROTO_AUTHENTICATION) |
  ((1 as u64) << IP_PROTO_NO_NEXT_HEADER) |
  ((1 as u64) << IP_PROTO_DESTINATION);

/** A fragment header's bytes; other headers have a length field. */
const FRAGMENT_HEADER_SIZE: u32 = 8;
/** Offset of the big-endian word [13 bits offset][2 reserved][more] masked to the offset, as loaded. */
const OFFSET_MASK: u32 = 0xf8ff;

/** Place of a destination options header before a routing header, and at the end of the chain. */
const PLACE_DESTINATION_FIRST: u32 = 2;
const PLACE_DESTINATION_LAST: u32 = 7;

/** Whether the number counts as an extension header, those that end the chain included. */
export function isExtensionHeader(protocol: u32): bool {
  return protocol < 64 && ((EXTENSIONS >> (protocol as u64)) & 1) !== 0;
}

/**
 * Follows the chain from the header numbered `protocol` at `at`; 0 when one does not fit before `end`.
 * Otherwise what the four functions below take apart.
 */
export function walkExtensionHeaders(protocol: u32, at: u32, end: u32): u64 {
  let fragment: u32 = 0;
  let extensions: u32 = 0;
  let place: u32 = 0;
  let destinations: u32 = 0;
  while (isExtensionHeader(protocol)) {
    const newPlace = placeOf(protocol, place);
    if (newPlace < place) extensions |= EXTENSION_UNSEQ;
    place = max(place, newPlace);
    if (protocol === IP_PROTO_DESTINATION) destinations++;
    extensions = noteHeader(extensions, protocol, destinations);
    if (protocol === IP_PROTO_ESP || protocol === IP_PROTO_NO_NEXT_HEADER) break;
    const left = end - at;
    // Never under 8, so that a header cut before its length field does not fit whatever is behind the packet.
    const size = headerSize(protocol, at);
    if (size > left) return 0;
    if (protocol === IP_PROTO_FRAGMENT) {
      const word = load<u16>(at, 2) as u32;
      // Reserved bits count: only an all-zero word is an atomic fragment.
      if (word !== 0) fragment = NW_FRAG_ANY;
      if ((word & OFFSET_MASK) !== 0) {
        fragment |= NW_FRAG_LATER;
        break;
      }
    }
    protocol = load<u8>(at) as u32;
    at += size;
  }
  return (at as u64) | ((protocol as u64) << 32) | ((fragment as u64) << 40) | ((extensions as u64) << 48);
}

/** Address of what follows the chain. */
export function chainAt(chain: u64): u32 {
  return chain as u32;
}

/** Protocol that follows the chain; IP_PROTO_FRAGMENT for a later fragment. */
export function chainProtocol(chain: u64): u32 {
  return ((chain >> 32) as u32) & 0xff;
}

/** NW_FRAG_* bits. */
export function chainFragment(chain: u64): u32 {
  return ((chain >> 40) as u32) & 0xff;
}

/** EXTENSION_* bits. */
export function chainExtensions(chain: u64): u16 {
  return (chain >> 48) as u16;
}

function headerSize(protocol: u32, at: u32): u32 {
  if (protocol === IP_PROTO_FRAGMENT) return FRAGMENT_HEADER_SIZE;
  const length = load<u8>(at, 1) as u32;
  if (protocol === IP_PROTO_AUTHENTICATION) return (length + 2) * 4;
  return (length + 1) * 8;
}

/** The header's place in the recommended order; destination options take whichever is still ahead. */
function placeOf(protocol: u32, place: u32): u32 {
  if (protocol === IP_PROTO_HOP_BY_HOP) return 1;
  if (protocol === IP_PROTO_ROUTING) return 3;
  if (protocol === IP_PROTO_FRAGMENT) return 4;
  if (protocol === IP_PROTO_AUTHENTICATION) return 5;
  if (protocol === IP_PROTO_ESP) return 6;
  if (protocol === IP_PROTO_NO_NEXT_HEADER) return PLACE_DESTINATION_LAST;
  return place < PLACE_DESTINATION_FIRST ? PLACE_DESTINATION_FIRST : PLACE_DESTINATION_LAST;
}

/** Adds the header's bit, and EXTENSION_UNREP where it is there more often than expected. */
function noteHeader(extensions: u32, protocol: u32, destinations: u32): u32 {
  const bit = extensionBit(protocol);
  const repeated = protocol === IP_PROTO_DESTINATION ? destinations > 2 : (extensions & bit) !== 0;
  return extensions | bit | (repeated ? EXTENSION_UNREP : 0);
}

function extensionBit(protocol: u32): u32 {
  if (protocol === IP_PROTO_HOP_BY_HOP) return EXTENSION_HOP;
  if (protocol === IP_PROTO_ROUTING) return EXTENSION_ROUTER;
  if (protocol === IP_PROTO_FRAGMENT) return EXTENSION_FRAG;
  if (protocol === IP_PROTO_AUTHENTICATION) return EXTENSION_AUTH;
  if (protocol === IP_PROTO_ESP) return EXTENSION_ESP;
  if (protocol === IP_PROTO_NO_NEXT_HEADER) return EXTENSION_NONEXT;
  return EXTENSION_DEST;
}
