// The outermost VLAN tag, 802.1Q or 802.1ad. The CFI bit of an operand says that the tag is there;
// on the wire the bit is another one (DEI) and a tag that we write has it clear.

import { ETH_HEADER_SIZE } from "../key/protocol.ts";
import { TCI_PRESENT } from "../layout/flow-key.ts";
import { FRAME_DATA, FRAME_LENGTH } from "../layout/frame.ts";
import { growFront, shrinkFront } from "./headroom.ts";
import { isVlan } from "./locate.ts";
import { ETH_TYPE_OFFSET, VLAN_TAG_SIZE } from "./wire.ts";

/** PUSH_VLAN: puts a tag in front of the EtherType. False on a runt, or when the frame has no room. */
export function pushVlan(frame: u32, operands: u32): bool {
  if (load<u32>(frame, FRAME_LENGTH) < ETH_HEADER_SIZE) return false;
  const front = growFront(frame, VLAN_TAG_SIZE);
  if (front === 0) return false;
  store<u64>(front, load<u64>(front, VLAN_TAG_SIZE));
  store<u32>(front, load<u32>(front, VLAN_TAG_SIZE + 8), 8);
  store<u16>(front, load<u16>(operands), ETH_TYPE_OFFSET);
  store<u16>(front, load<u16>(operands, 4) & ~(TCI_PRESENT as u16), ETH_TYPE_OFFSET + 2);
  return true;
}

/** POP_VLAN: takes the outermost tag away. False when there is none. */
export function popVlan(frame: u32): bool {
  if (!isTagged(frame)) return false;
  const data = load<u32>(frame, FRAME_DATA);
  const first = load<u64>(data);
  const last = load<u32>(data, 8);
  store<u64>(data, first, VLAN_TAG_SIZE);
  store<u32>(data, last, 8 + VLAN_TAG_SIZE);
  shrinkFront(frame, VLAN_TAG_SIZE);
  return true;
}

/**
 * SET_VLAN: changes the outermost tag's TCI under a mask. False when there is none. The DEI bit goes with a
 * tag that changes and stays with one that does not.
 */
export function setVlan(frame: u32, operands: u32): bool {
  if (!isTagged(frame)) return false;
  const data = load<u32>(frame, FRAME_DATA);
  const value = load<u32>(operands) & ~(TCI_PRESENT as u32);
  const old = load<u16>(data, ETH_TYPE_OFFSET + 2) as u32;
  const tci = (old & ~load<u32>(operands, 4)) | value;
  if (((tci ^ old) & ~(TCI_PRESENT as u32)) !== 0) store<u16>(data, tci as u16, ETH_TYPE_OFFSET + 2);
  return true;
}

function isTagged(frame: u32): bool {
  const data = load<u32>(frame, FRAME_DATA);
  if (load<u32>(frame, FRAME_LENGTH) < ETH_HEADER_SIZE + VLAN_TAG_SIZE) return false;
  return isVlan(load<u16>(data, ETH_TYPE_OFFSET));
}
