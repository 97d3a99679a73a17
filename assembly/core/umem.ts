// The packet memory that all PMDs of a switch share, where it has real ports: which frames are ours, who has
// those that we gave away, and how others' frames come home.

import { FRAME_SIZE } from "../layout/frame.ts";
import { PEERS_HOMES, PEERS_OWNERS, PEERS_SLICE_SIZE, PEERS_UMEM } from "../layout/peer.ts";
import { PMD_KICK_COUNT, PMD_SMALL_FRAMES, RegionId } from "../layout/pmd.ts";
import { frameFreeSmall } from "./frame-pool.ts";
import { pairPut, pairRoom } from "./pair.ts";
import { pmd, regionBase } from "./state.ts";

const FRAME_SHIFT: u32 = 11;

/** What is known of the other PMDs; 0 where there is no shared packet memory. */
export let peers: u32 = 0;
let umem: u32 = 0;
let owners: u32 = 0;
let slice: u32 = 0;
let sliceSize: u32 = 0;

export function umemInit(): void {
  peers = regionBase(RegionId.PEERS);
  slice = regionBase(RegionId.FRAMES);
  sliceSize = load<u32>(pmd, PMD_SMALL_FRAMES) * FRAME_SIZE;
  store<u32>(pmd, 0, PMD_KICK_COUNT);
  if (peers === 0) return;
  umem = load<u32>(peers, PEERS_UMEM);
  owners = load<u32>(peers, PEERS_OWNERS);
}

/** Whether the frame is of this PMD's slice. */
export function isOwn(frame: u32): bool {
  return frame - slice < sliceSize;
}

/** Notes which queue has the frame; 0 = a PMD. */
export function ownerSet(frame: u32, queue: u32): void {
  store<u16>(owners + (((frame - umem) >> FRAME_SHIFT) << 1), queue);
}

/** Frees a small frame, whichever slice it is of. */
export function frameHome(frame: u32): void {
  if (isOwn(frame)) {
    frameFreeSmall(frame);
    return;
  }
  const home = (frame - umem) / load<u32>(peers, PEERS_SLICE_SIZE);
  const ring = load<u32>(peers + (home << 2), PEERS_HOMES);
  // The ring has room for every frame of the slice; a slice without one was a PMD's that is gone.
  if (ring !== 0 && pairRoom(ring) !== 0) pairPut(ring, frame, 0);
}

/** Asks the thread to do something before the next turn: a queue's block, or `peer << 1 | 1` to wake a PMD. */
export function kick(entry: u32): void {
  const kicks = load<u32>(pmd, PMD_KICK_COUNT);
  store<u32>(regionBase(RegionId.KICKS) + (kicks << 2), entry);
  store<u32>(pmd, kicks + 1, PMD_KICK_COUNT);
}

if (FRAME_SIZE !== (1 as u32) << FRAME_SHIFT) ERROR("FRAME_SHIFT is not the logarithm of FRAME_SIZE");
