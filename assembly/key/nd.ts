// Neighbour solicitations and advertisements (RFC 4861 sections 4.3, 4.4 and 4.6.1).

import {
  KEY_ND_OPTIONS_TYPE,
  KEY_ND_RESERVED,
  KEY_ND_SLL,
  KEY_ND_TARGET,
  KEY_ND_TLL,
} from "../layout/flow-key.ts";
import { LANE_ADDRESS, LANE_CT, LANE_MPLS, LANE_ND_TARGET, openLane } from "./lanes.ts";

/** Type and code (0) of a neighbour solicitation, 135, and advertisement, 136, as loaded. */
const NEIGHBOUR_SOLICITATION: u32 = 135;
const NEIGHBOUR_ADVERTISEMENT: u32 = 136;

const RESERVED_OFFSET: u32 = 4;
const TARGET_OFFSET: u32 = 8;
const OPTIONS_OFFSET: u32 = 24;
/** Options come in units of 8 bytes; a link-layer address of Ethernet is one. */
const OPTION_UNIT: u32 = 8;
const OPTION_SOURCE_ADDRESS: u32 = 1;
const OPTION_TARGET_ADDRESS: u32 = 2;

/** Whether an ICMPv6 header has the type of a solicitation or advertisement, and code 0. */
export function isNeighbourDiscovery(header: u32): bool {
  const typeAndCode = load<u16>(header) as u32;
  return typeAndCode === NEIGHBOUR_SOLICITATION || typeAndCode === NEIGHBOUR_ADVERTISEMENT;
}

/** Takes such a packet, of at least 8 bytes; returns `lanes` and those written here. */
export function parseNeighbourDiscovery(key: u32, header: u32, end: u32, lanes: u32): u32 {
  lanes = openLane(key, lanes, LANE_MPLS);
  store<u32>(key, load<u32>(header, RESERVED_OFFSET), KEY_ND_RESERVED);
  if (end - header < OPTIONS_OFFSET) return lanes;
  lanes = openLane(key, lanes, LANE_ADDRESS);
  lanes = openLane(key, lanes, LANE_CT);
  if (!parseOptions(key, header + OPTIONS_OFFSET, end)) return lanes;
  v128.store(key, v128.load(header, TARGET_OFFSET), KEY_ND_TARGET);
  return lanes | LANE_ND_TARGET;
}

/**
 * Keeps the link-layer addresses and the type of the first option that had one. The same address
 * given twice makes the packet invalid: false, with no address kept (the option type stays). An option
 * that does not fit ends the list quietly. An address of all zeros counts as not given.
 */
function parseOptions(key: u32, option: u32, end: u32): bool {
  let source: u64 = 0;
  let target: u64 = 0;
  let firstType: u32 = 0;
  while (end - option >= OPTION_UNIT) {
    const header = load<u64>(option);
    const size = (((header >> 8) & 0xff) as u32) * OPTION_UNIT;
    if (size === 0 || size > end - option) break;
    const type = (header & 0xff) as u32;
    const isSource = type === OPTION_SOURCE_ADDRESS;
    if (size === OPTION_UNIT && (isSource || type === OPTION_TARGET_ADDRESS)) {
      if ((isSource ? source : target) !== 0) {
        store<u8>(key, firstType as u8, KEY_ND_OPTIONS_TYPE);
        return false;
      }
      if (isSource) source = header >> 16;
      else target = header >> 16;
      if (firstType === 0) firstType = type;
    }
    option += size;
  }
  store<u8>(key, firstType as u8, KEY_ND_OPTIONS_TYPE);
  storeAddress(key + KEY_ND_SLL, source);
  storeAddress(key + KEY_ND_TLL, target);
  return true;
}

function storeAddress(at: u32, address: u64): void {
  store<u32>(at, address as u32);
  store<u16>(at, (address >> 32) as u16, 4);
}
