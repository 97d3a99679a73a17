// What PMDs hand each other: packets for a port whose queues another PMD has, and frames that go home.

import { frameFreeSmall } from "../core/frame-pool.ts";
import { pairCount, pairEntry, pairPublish, pairPut, pairRelease, pairRoom } from "../core/pair.ts";
import { txPut, txRoom } from "../core/queue.ts";
import { ports } from "../core/state.ts";
import { frameHome, kick, peers } from "../core/umem.ts";
import { FRAME_DATA, FRAME_LENGTH } from "../layout/frame.ts";
import {
  PAIR_CONTINUED,
  PEER_CONTROL,
  PEER_HOME_IN,
  PEER_PASS_IN,
  PEER_PASS_OUT,
  PEER_SIZE,
  PEERS_COUNT,
  PEERS_HOMES,
  PEERS_RECORDS,
  PEERS_SLICES,
} from "../layout/peer.ts";
import { PMD_SLEEPING } from "../layout/pmd.ts";
import { PORT_KIND, PORT_KIND_MASK, PORT_SIZE, PORT_TX, PORT_TX_DROPS, PortKind } from "../layout/port.ts";

/** Entries taken from one ring in a turn. */
const TAKE_MAX: u32 = 256;

/** Sends what other PMDs have passed on, and takes our frames back. */
export function takeFromPeers(): void {
  const count = load<u32>(peers, PEERS_COUNT);
  for (let i: u32 = 0; i < count; i++) {
    const peer = peers + PEERS_RECORDS + i * PEER_SIZE;
    const home = load<u32>(peer, PEER_HOME_IN);
    if (home !== 0) takeFrames(home);
    const packets = load<u32>(peer, PEER_PASS_IN);
    if (packets !== 0) takePackets(packets);
  }
}

/** Shows other PMDs what was put into their rings in this turn, and wakes those that sleep. */
export function showPeers(): void {
  const slices = load<u32>(peers, PEERS_SLICES);
  for (let i: u32 = 0; i < slices; i++) {
    const home = load<u32>(peers + (i << 2), PEERS_HOMES);
    if (home !== 0) pairPublish(home);
  }
  const count = load<u32>(peers, PEERS_COUNT);
  for (let i: u32 = 0; i < count; i++) {
    const peer = peers + PEERS_RECORDS + i * PEER_SIZE;
    const out = load<u32>(peer, PEER_PASS_OUT);
    if (out === 0 || !pairPublish(out)) continue;
    if (atomic.load<u32>(load<u32>(peer, PEER_CONTROL) + PMD_SLEEPING) !== 0) kick((i << 1) | 1);
  }
}

function takeFrames(ring: u32): void {
  const entries = min<u32>(pairCount(ring), TAKE_MAX);
  for (let i: u32 = 0; i < entries; i++) frameFreeSmall(load<u32>(pairEntry(ring, i)));
  pairRelease(ring, entries);
}

/** Packets stay in the ring while their queue has no room: who passes them sees it fill up, and drops. */
function takePackets(ring: u32): void {
  const available = pairCount(ring);
  let taken: u32 = 0;
  while (taken < available && taken < TAKE_MAX) {
    const port = load<u32>(pairEntry(ring, taken), 4) & ~PAIR_CONTINUED;
    const record = ports + port * PORT_SIZE;
    const kind = load<u32>(record, PORT_KIND) & PORT_KIND_MASK;
    const target = load<u32>(record, PORT_TX);
    let pieces: u32 = 1;
    while ((load<u32>(pairEntry(ring, taken + pieces - 1), 4) & PAIR_CONTINUED) !== 0) pieces++;
    if (kind === (PortKind.QUEUE as u32)) {
      if (txRoom(target) < pieces) break;
    } else if (kind === (PortKind.PEER as u32)) {
      if (pairRoom(target) < pieces) break;
    }
    for (let i: u32 = 0; i < pieces; i++) {
      const entry = pairEntry(ring, taken + i);
      const frame = load<u32>(entry);
      const word = load<u32>(entry, 4);
      if (kind === (PortKind.QUEUE as u32)) {
        const continued = (word & PAIR_CONTINUED) !== 0;
        txPut(target, frame, load<u32>(frame, FRAME_DATA), load<u32>(frame, FRAME_LENGTH), continued);
      } else if (kind === (PortKind.PEER as u32)) pairPut(target, frame, word);
      else frameHome(frame);
    }
    // The port went away while the packet was on its way; whoever passed it has counted it as sent.
    if (kind !== (PortKind.QUEUE as u32) && kind !== (PortKind.PEER as u32)) {
      store<u64>(record, load<u64>(record, PORT_TX_DROPS) + 1, PORT_TX_DROPS);
    }
    taken += pieces;
  }
  pairRelease(ring, taken);
}
