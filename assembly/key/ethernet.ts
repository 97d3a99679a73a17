// Ethernet II, IEEE 802.3 with 802.2 LLC and SNAP, and VLAN tags; then the network layer by EtherType.
// A parser gets the key, its header's first byte and the end of the packet, and returns the optional
// lanes that it and the layers inside it wrote.

import {
  ETH_TYPE_802_2,
  KEY_DL_DST,
  KEY_ETH_TYPE,
  KEY_TCI0,
  KEY_TCI1,
  KEY_TPID0,
  KEY_TPID1,
  TCI_PRESENT,
} from "../layout/flow-key.ts";
import { be16 } from "../layout/types.ts";
import { parseArp } from "./arp.ts";
import { parseIpv4 } from "./ipv4.ts";
import { parseIpv6 } from "./ipv6.ts";
import { parseMpls } from "./mpls.ts";
import {
  ETH_TYPE_ARP,
  ETH_TYPE_IPV4,
  ETH_TYPE_IPV6,
  ETH_TYPE_MIN,
  ETH_TYPE_MPLS,
  ETH_TYPE_MPLS_MULTICAST,
  ETH_TYPE_RARP,
  isTagType,
  TAG_SIZE,
} from "./protocol.ts";

/** LLC (DSAP, SSAP, control) and SNAP (organisation, type). */
const LLC_SNAP_SIZE: u32 = 8;
/** LLC AA-AA-03 and organisation 00-00-00, the six bytes as loaded (RFC 1042). */
const LLC_SNAP_ETHERNET: u64 = 0x0000_0003_aaaa;
const LLC_SNAP_MASK: u64 = 0xffff_ffff_ffff;

/** Parses a packet of at least ETH_HEADER_SIZE bytes. Lanes 0-3 are zero but for the metadata. */
export function parseEthernet(key: u32, data: u32, end: u32): u32 {
  store<u64>(key, load<u64>(data), KEY_DL_DST);
  store<u32>(key, load<u32>(data, 8), KEY_DL_DST + 8);
  let at = data + 12;
  if (isTagType(load<u16>(at))) at = parseTags(key, at, end);
  let ethType = load<u16>(at);
  at += 2;
  if (isLength(ethType)) {
    ethType = snapType(at, end);
    at += LLC_SNAP_SIZE;
  }
  store<u16>(key, ethType, KEY_ETH_TYPE);
  if (ethType === ETH_TYPE_IPV4) return parseIpv4(key, at, end);
  if (ethType === ETH_TYPE_IPV6) return parseIpv6(key, at, end);
  if (ethType === ETH_TYPE_ARP || ethType === ETH_TYPE_RARP) return parseArp(key, at, end);
  if (ethType === ETH_TYPE_MPLS || ethType === ETH_TYPE_MPLS_MULTICAST) return parseMpls(key, at, end);
  return 0;
}

/**
 * Records up to two tags and returns where the EtherType behind them lies. A tag that the packet is
 * too short for (an EtherType must follow) is no tag: its TPID stays the EtherType.
 */
function parseTags(key: u32, at: u32, end: u32): u32 {
  if (end - at < TAG_SIZE + 2) return at;
  store<u16>(key, load<u16>(at), KEY_TPID0);
  store<u16>(key, load<u16>(at, 2) | (TCI_PRESENT as u16), KEY_TCI0);
  at += TAG_SIZE;
  if (!isTagType(load<u16>(at)) || end - at < TAG_SIZE + 2) return at;
  store<u16>(key, load<u16>(at), KEY_TPID1);
  store<u16>(key, load<u16>(at, 2) | (TCI_PRESENT as u16), KEY_TCI1);
  return at + TAG_SIZE;
}

/** EtherType in a SNAP header, or ETH_TYPE_802_2 where there is none. */
function snapType(llc: u32, end: u32): be16 {
  if (end - llc < LLC_SNAP_SIZE) return ETH_TYPE_802_2 as u16;
  const header = load<u64>(llc);
  const ethType = (header >> 48) as u16;
  if ((header & LLC_SNAP_MASK) !== LLC_SNAP_ETHERNET) return ETH_TYPE_802_2 as u16;
  return isLength(ethType) ? (ETH_TYPE_802_2 as u16) : ethType;
}

/** Whether the type field is too small for an EtherType (IEEE 802.3 clause 3.2.6). */
function isLength(ethType: be16): bool {
  return ((ethType as u32) & 0xff) < ETH_TYPE_MIN >> 8;
}
