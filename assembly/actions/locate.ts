// Finds the headers of a packet as it is now, whatever was pushed, popped or set before. It takes what
// the key extraction takes: headers that are cut short or lie about their length are not there.
//
// The answers are globals (private to the instance), valid until the next call.

import { swap16 } from "../core/bytes.ts";
import {
  ETH_HEADER_SIZE,
  ETH_TYPE_IPV4,
  ETH_TYPE_IPV6,
  ETH_TYPE_VLAN,
  ETH_TYPE_VLAN_SERVICE,
  IP_PROTO_AUTHENTICATION,
  IP_PROTO_DESTINATION,
  IP_PROTO_FRAGMENT,
  IP_PROTO_HOP_BY_HOP,
  IP_PROTO_ROUTING,
  IPV4_HEADER_SIZE,
  IPV6_HEADER_SIZE,
} from "../key/protocol.ts";
import { FRAME_DATA, FRAME_LENGTH } from "../layout/frame.ts";
import { VLAN_MAX } from "../layout/limits.ts";
import {
  ETH_TYPE_MIN,
  ETH_TYPE_OFFSET,
  IPV4_FRAGMENT,
  IPV4_FRAGMENT_OFFSET,
  IPV4_PROTOCOL,
  IPV6_FRAGMENT_OFFSET,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  SNAP_ETHERNET,
  SNAP_ETHERNET_MASK,
  SNAP_SIZE,
  VLAN_TAG_SIZE,
} from "./wire.ts";

/** EtherType behind tags and SNAP, in network order as loaded; the length of an 802.3 frame without one. */
export let etherType: u32 = 0;
/** Address of the 16 bits that name what follows the Ethernet header, as MPLS actions rewrite them. */
export let etherTypeField: u32 = 0;
/** First byte behind the Ethernet header, its tags and SNAP: a network header or a label stack. */
export let network: u32 = 0;
/** Address behind the packet's last byte. */
export let end: u32 = 0;

/** First byte behind the IP header and its extension headers. */
export let transport: u32 = 0;
/** Bytes of the IP packet from `transport` on; padding of the Ethernet frame does not count. */
export let transportLength: u32 = 0;
/** IP protocol of what is at `transport`. */
export let protocol: u32 = 0;
/** The packet is a fragment that does not begin its datagram: no transport header is there. */
export let laterFragment: bool = false;
/** An IPv6 routing header names a further hop: the destination is not the final one. */
export let routed: bool = false;

/** Whether a tag with this TPID (as loaded) is a VLAN tag. */
export function isVlan(tpid: u32): bool {
  return tpid === ETH_TYPE_VLAN || tpid === ETH_TYPE_VLAN_SERVICE;
}

/** Finds what is behind the Ethernet header: etherType, etherTypeField, network, end. False on a runt. */
export function locateNetwork(frame: u32): bool {
  const data = load<u32>(frame, FRAME_DATA);
  const length = load<u32>(frame, FRAME_LENGTH);
  if (length < ETH_HEADER_SIZE) return false;
  end = data + length;
  let at = data + ETH_TYPE_OFFSET;
  let type: u32 = load<u16>(at);
  etherTypeField = at;
  if (isVlan(type)) {
    for (let tags: u32 = 0; tags < VLAN_MAX && isVlan(type) && end - at >= VLAN_TAG_SIZE + 2; tags++) {
      at += VLAN_TAG_SIZE;
      type = load<u16>(at);
    }
    etherTypeField = at;
  }
  at += 2;
  if (swap16(type) < ETH_TYPE_MIN && hasSnap(at)) {
    at += SNAP_SIZE;
    type = load<u16>(at - 2);
    if (etherTypeField !== data + ETH_TYPE_OFFSET) etherTypeField = at - 2;
  }
  etherType = type;
  network = at;
  return true;
}

/** Bytes of a packet less those that pad its Ethernet frame behind an IPv4 or IPv6 packet. */
export function unpaddedLength(frame: u32): u32 {
  const length = load<u32>(frame, FRAME_LENGTH);
  if (!locateNetwork(frame)) return length;
  const size = end - network;
  let used = size;
  if (etherType === ETH_TYPE_IPV4 && locateBehindIpv4()) {
    used = transport - network + transportLength;
  } else if (etherType === ETH_TYPE_IPV6 && size >= IPV6_HEADER_SIZE) {
    used = swap16(load<u16>(network, IPV6_PAYLOAD_LENGTH)) + IPV6_HEADER_SIZE;
    if (used > size) used = size;
  }
  return length - (size - used);
}

/**
 * After locateNetwork: finds the transport header of an IPv4 or IPv6 packet. False when the packet is
 * neither, or its headers are cut short or lie.
 */
export function locateTransport(): bool {
  if (etherType === ETH_TYPE_IPV4) return locateBehindIpv4();
  if (etherType === ETH_TYPE_IPV6) return locateBehindIpv6();
  return false;
}

function locateBehindIpv4(): bool {
  const size = end - network;
  if (size < IPV4_HEADER_SIZE) return false;
  const word = load<u32>(network);
  const headerLength = (word & 0x0f) << 2;
  const total = swap16(word >> 16);
  if (headerLength < IPV4_HEADER_SIZE || headerLength > total || total > size) return false;
  transport = network + headerLength;
  transportLength = total - headerLength;
  protocol = load<u8>(network, IPV4_PROTOCOL);
  laterFragment = (load<u16>(network, IPV4_FRAGMENT) & IPV4_FRAGMENT_OFFSET) !== 0;
  routed = false;
  return true;
}

function locateBehindIpv6(): bool {
  const size = end - network;
  if (size < IPV6_HEADER_SIZE) return false;
  const payloadLength = swap16(load<u16>(network, IPV6_PAYLOAD_LENGTH));
  if (payloadLength + IPV6_HEADER_SIZE > size) return false;
  transport = network + IPV6_HEADER_SIZE;
  transportLength = payloadLength;
  protocol = load<u8>(network, IPV6_NEXT_HEADER);
  laterFragment = false;
  routed = false;
  while (isExtension(protocol)) {
    if (transportLength < 8) return false;
    const length = extensionLength();
    if (length > transportLength) return false;
    if (protocol === IP_PROTO_ROUTING && load<u8>(transport, 3) !== 0) routed = true;
    if (protocol === IP_PROTO_FRAGMENT)
      laterFragment = (load<u16>(transport, 2) & IPV6_FRAGMENT_OFFSET) !== 0;
    protocol = load<u8>(transport);
    transport += length;
    transportLength -= length;
    if (laterFragment) return true;
  }
  return true;
}

function isExtension(header: u32): bool {
  return (
    header === IP_PROTO_HOP_BY_HOP ||
    header === IP_PROTO_ROUTING ||
    header === IP_PROTO_DESTINATION ||
    header === IP_PROTO_FRAGMENT ||
    header === IP_PROTO_AUTHENTICATION
  );
}

/** Bytes of the extension header `protocol` at `transport`, of which 8 are there. */
function extensionLength(): u32 {
  if (protocol === IP_PROTO_FRAGMENT) return 8;
  const units: u32 = load<u8>(transport, 1);
  return protocol === IP_PROTO_AUTHENTICATION ? (units + 2) << 2 : (units + 1) << 3;
}

function hasSnap(at: u32): bool {
  return end - at >= SNAP_SIZE && (load<u64>(at) & SNAP_ETHERNET_MASK) === SNAP_ETHERNET;
}
