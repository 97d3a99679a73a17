// HOT: the Ethernet header: addresses set, header pushed and popped.

import { ETH_HEADER_SIZE } from "../key/protocol.ts";
import { FRAME_DATA, FRAME_LENGTH } from "../layout/frame.ts";
import { growFront, shrinkFront } from "./headroom.ts";
import { locateNetwork, network } from "./locate.ts";

/** SET_ETH: changes the addresses under a mask. False on a runt. */
export function setEth(frame: u32, operands: u32): bool {
  const data = load<u32>(frame, FRAME_DATA);
  const length = load<u32>(frame, FRAME_LENGTH);
  if (length < 16) return setEthShort(data, length, operands);
  const value = packAddresses(v128.load(operands));
  const mask = packAddresses(v128.load(operands, 16));
  v128.store(data, v128.or(v128.andnot(v128.load(data), mask), value));
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

/** Two addresses of 6 bytes, each padded to 8, made adjacent; the last four bytes are zeros. */
function packAddresses(padded: v128): v128 {
  return i8x16.shuffle(padded, padded, 0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 6, 7, 14, 15);
}

/** A packet of 14 or 15 bytes, too short for a vector. */
function setEthShort(data: u32, length: u32, operands: u32): bool {
  if (length < ETH_HEADER_SIZE) return false;
  const value = packAddresses(v128.load(operands));
  const mask = packAddresses(v128.load(operands, 16));
  const first = load<u64>(data) & ~(i64x2.extract_lane(mask, 0) as u64);
  const last = load<u32>(data, 8) & ~(i32x4.extract_lane(mask, 2) as u32);
  store<u64>(data, first | (i64x2.extract_lane(value, 0) as u64));
  store<u32>(data, last | (i32x4.extract_lane(value, 2) as u32), 8);
  return true;
}
