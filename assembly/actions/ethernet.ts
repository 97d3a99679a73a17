// The Ethernet header: addresses set, header pushed and popped.

import { ETH_HEADER_SIZE } from "../key/protocol.ts";
import { FRAME_DATA, FRAME_LENGTH } from "../layout/frame.ts";
import { growFront, shrinkFront } from "./headroom.ts";
import { locateNetwork, network } from "./locate.ts";

/** Masks lie behind two addresses of two words. */
const MASKS: u32 = 16;

/** SET_ETH: changes the addresses under a mask. False on a runt. */
export function setEth(frame: u32, operands: u32): bool {
  if (load<u32>(frame, FRAME_LENGTH) < ETH_HEADER_SIZE) return false;
  const data = load<u32>(frame, FRAME_DATA);
  const kept = load<u64>(data) & ~firstOf(operands + MASKS);
  store<u64>(data, kept | firstOf(operands));
  const keptLast = load<u32>(data, 8) & ~lastOf(operands + MASKS);
  store<u32>(data, keptLast | lastOf(operands), 8);
  return true;
}

/** PUSH_ETH: puts a header in front of a packet that begins with its network header. */
export function pushEth(frame: u32, operands: u32): bool {
  const front = growFront(frame, ETH_HEADER_SIZE);
  if (front === 0) return false;
  const destination = load<u64>(operands);
  store<u32>(front, destination as u32);
  store<u16>(front, (destination >> 32) as u16, 4);
  store<u32>(front, load<u32>(operands, 8), 6);
  store<u16>(front, load<u16>(operands, 12), 10);
  store<u16>(front, (destination >> 48) as u16, 12);
  return true;
}

/** POP_ETH: takes away the header with its tags; the packet then begins with its network header or label. */
export function popEth(frame: u32): bool {
  if (!locateNetwork(frame)) return false;
  shrinkFront(frame, network - load<u32>(frame, FRAME_DATA));
  return true;
}

/** The first 8 bytes of two addresses, destination and source, that are padded to 8 bytes each. */
function firstOf(addresses: u32): u64 {
  return load<u64>(addresses) | (load<u64>(addresses, 8) << 48);
}

/** Their last 4 bytes. */
function lastOf(addresses: u32): u32 {
  return (load<u64>(addresses, 8) >> 16) as u32;
}
