// The outermost MPLS label stack entry (RFC 3032). The EtherType goes where Open vSwitch puts it: into the
// Ethernet header of an untagged packet, behind the innermost tag of a tagged one.

import { ETH_TYPE_MPLS, ETH_TYPE_MPLS_MULTICAST } from "../key/protocol.ts";
import { FRAME_DATA } from "../layout/frame.ts";
import { growFront, shrinkFront } from "./headroom.ts";
import { end, etherType, etherTypeField, locateNetwork, network } from "./locate.ts";
import { MPLS_LABEL_SIZE } from "./wire.ts";

/**
 * PUSH_MPLS: puts a label stack entry behind the Ethernet header. False on a runt, when the EtherType is
 * not one of MPLS, or when the frame has no room.
 */
export function pushMpls(frame: u32, operands: u32): bool {
  const type = load<u32>(operands);
  if (!isMpls(type) || !locateNetwork(frame)) return false;
  const data = load<u32>(frame, FRAME_DATA);
  const headerLength = network - data;
  const typeOffset = etherTypeField - data;
  const front = growFront(frame, MPLS_LABEL_SIZE);
  if (front === 0) return false;
  memory.copy(front, front + MPLS_LABEL_SIZE, headerLength);
  store<u16>(front + typeOffset, type as u16);
  store<u32>(front + headerLength, load<u32>(operands, 4));
  return true;
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
