// The outermost MPLS label stack entry (RFC 3032). The EtherType goes where Open vSwitch puts it: into the
// Ethernet header of an untagged packet, behind the innermost tag of a tagged one.

import { ETH_TYPE_MPLS, ETH_TYPE_MPLS_MULTICAST } from "../key/protocol.ts";
import { PUSH_MPLS_POPPED_SHIFT } from "../layout/action.ts";
import { FRAME_DATA } from "../layout/frame.ts";
import { VLAN_MAX } from "../layout/limits.ts";
import { growFront, shrinkFront } from "./headroom.ts";
import { end, etherType, etherTypeField, isVlan, locateNetwork, network } from "./locate.ts";
import { ETH_TYPE_OFFSET, MPLS_LABEL_SIZE, VLAN_TAG_SIZE } from "./wire.ts";

/**
 * PUSH_MPLS: puts a label stack entry behind the Ethernet header. False on a runt, when the EtherType is
 * not one of MPLS, or when the frame has no room.
 */
export function pushMpls(frame: u32, operands: u32): bool {
  const type = load<u16>(operands) as u32;
  if (!isMpls(type) || !locateNetwork(frame)) return false;
  const data = load<u32>(frame, FRAME_DATA);
  const popped = load<u32>(operands) >> PUSH_MPLS_POPPED_SHIFT;
  const hidden: u32 = popped === 0 ? 0 : hiddenTag(data, popped);
  const headerLength = hidden === 0 ? network - data : hidden + 2 - data;
  const typeOffset = (hidden === 0 ? etherTypeField : hidden) - data;
  const front = growFront(frame, MPLS_LABEL_SIZE);
  if (front === 0) return false;
  memory.copy(front, front + MPLS_LABEL_SIZE, headerLength);
  store<u16>(front + typeOffset, type as u16);
  store<u32>(front + headerLength, load<u32>(operands, 4));
  return true;
}

/**
 * After locateNetwork: address of the TPID of the tag that the flow key took for the packet's EtherType, as it is
 * behind the most tags that a key has; tags popped since have moved it forward. 0 when there is no such tag.
 */
function hiddenTag(data: u32, popped: u32): u32 {
  const seen: u32 = popped < VLAN_MAX ? VLAN_MAX - popped : 0;
  let at = data + ETH_TYPE_OFFSET;
  for (let tags: u32 = 0; tags < seen; tags++) {
    if (at >= etherTypeField || !isVlan(load<u16>(at))) return 0;
    at += VLAN_TAG_SIZE;
  }
  return at < etherTypeField && isVlan(load<u16>(at)) ? at : 0;
}

/** POP_MPLS: takes the outermost entry away. False when there is none. */
export function popMpls(frame: u32, operands: u32): bool {
  if (!locateLabel(frame)) return false;
  const data = load<u32>(frame, FRAME_DATA);
  store<u16>(etherTypeField, load<u32>(operands) as u16);
  memory.copy(data + MPLS_LABEL_SIZE, data, network - data);
  shrinkFront(frame, MPLS_LABEL_SIZE);
  return true;
}

/** SET_MPLS: changes the outermost entry under a mask. False when there is none. */
export function setMpls(frame: u32, operands: u32): bool {
  if (!locateLabel(frame)) return false;
  const kept = load<u32>(network) & ~load<u32>(operands, 4);
  store<u32>(network, kept | load<u32>(operands));
  return true;
}

/** Finds a whole label stack entry at `network`. */
function locateLabel(frame: u32): bool {
  return locateNetwork(frame) && isMpls(etherType) && end - network >= MPLS_LABEL_SIZE;
}

function isMpls(type: u32): bool {
  return type === ETH_TYPE_MPLS || type === ETH_TYPE_MPLS_MULTICAST;
}
