// The end of a packet: every received one is counted exactly once, as forwarded, consumed by the
// controller or dropped under a reason, however many copies of it were made and however long they live.
//
// A copy that ends inside its original's program adds its fate to the original's. A copy that is parked
// outlives it: then both share an account, settled when the last of them has ended.

import {
  FRAME_ACCOUNT,
  FRAME_FATE,
  FRAME_FATE_CONSUMED,
  FRAME_FATE_COPY,
  FRAME_FATE_SENT,
  FRAME_PARENT,
  FRAME_REASON,
  FRAME_SEQUENCE,
} from "../layout/frame.ts";
import { PENDING_MAX } from "../layout/limits.ts";
import {
  ACCOUNT_FATE,
  ACCOUNT_MAX,
  ACCOUNT_REASON,
  ACCOUNT_REFERENCES,
  ACCOUNT_SEQUENCE,
  ACCOUNT_SIZE,
  PENDING_CHAINS,
  PENDING_SIZE,
  RegionId,
} from "../layout/pmd.ts";
import { DropReason, PmdStat } from "../layout/stat.ts";
import { TRACE_RECORD_SIZE, TRACE_SEQUENCE, TRACE_VALUE, TraceKind } from "../layout/upcall.ts";
import { frameFree } from "./frame-pool.ts";
import { ringCommit, ringReserve } from "./ring.ts";
import { count, countDrop, regionBase, traceRing } from "./state.ts";

let accounts: u32 = 0;
let freeAccount: u32 = 0;

/** Makes all accounts free. */
export function accountsInit(): void {
  accounts = regionBase(RegionId.PENDING) + (PENDING_MAX + 1) * PENDING_SIZE + PENDING_CHAINS * 4;
  freeAccount = 0;
  for (let i: u32 = ACCOUNT_MAX - 1; i > 0; i--) {
    store<u32>(accounts + i * ACCOUNT_SIZE, freeAccount, ACCOUNT_REFERENCES);
    freeAccount = i;
  }
}

/** Ends the packet in `frame`, whose record is valid, and frees the frame. */
export function packetEnd(frame: u32): void {
  packetSettle(frame);
  frameFree(frame);
}

/** Ends the packet under a reason that counts if nobody got a copy, and frees the frame. */
export function packetDrop(frame: u32, reason: DropReason): void {
  store<u32>(frame, reason, FRAME_REASON);
  packetSettle(frame);
  frameFree(frame);
}

/** Accounts for the packet in `frame` as packetEnd does, but leaves the frame to the caller. */
export function packetSettle(frame: u32): void {
  const fate = load<u32>(frame, FRAME_FATE);
  const account = load<u32>(frame, FRAME_ACCOUNT);
  const parent = load<u32>(frame, FRAME_PARENT);
  if ((fate & FRAME_FATE_COPY) !== 0 && (fate & (FRAME_FATE_SENT | FRAME_FATE_CONSUMED)) === 0) {
    count(PmdStat.COPIES_DROPPED, 1);
  }
  if (parent !== 0) {
    const inherited = fate & (FRAME_FATE_SENT | FRAME_FATE_CONSUMED);
    store<u32>(parent, load<u32>(parent, FRAME_FATE) | inherited, FRAME_FATE);
    const reason = load<u32>(frame, FRAME_REASON);
    if (reason !== 0) store<u32>(parent, reason, FRAME_REASON);
    return;
  }
  if (account !== 0) {
    accountClose(account, fate, load<u32>(frame, FRAME_REASON));
    return;
  }
  settle(fate, load<u32>(frame, FRAME_REASON), load<u32>(frame, FRAME_SEQUENCE));
}

/**
 * Prepares a copy to outlive its original: both share an account from here on.
 * Returns false when no account is free; then the copy must end now.
 */
export function accountDetach(frame: u32): bool {
  const parent = load<u32>(frame, FRAME_PARENT);
  if (parent === 0) return true;
  let root = parent;
  while (load<u32>(root, FRAME_PARENT) !== 0) root = load<u32>(root, FRAME_PARENT);
  let account = load<u32>(root, FRAME_ACCOUNT);
  if (account === 0) {
    account = freeAccount;
    if (account === 0) return false;
    const at = accounts + account * ACCOUNT_SIZE;
    freeAccount = load<u32>(at, ACCOUNT_REFERENCES);
    store<u32>(at, 1, ACCOUNT_REFERENCES);
    store<u32>(at, load<u32>(root, FRAME_FATE) & FRAME_FATE_COPY, ACCOUNT_FATE);
    store<u32>(at, DropReason.NONE, ACCOUNT_REASON);
    store<u32>(at, load<u32>(root, FRAME_SEQUENCE), ACCOUNT_SEQUENCE);
    store<u32>(root, account, FRAME_ACCOUNT);
  }
  const at = accounts + account * ACCOUNT_SIZE;
  store<u32>(at, load<u32>(at, ACCOUNT_REFERENCES) + 1, ACCOUNT_REFERENCES);
  store<u32>(frame, account, FRAME_ACCOUNT);
  store<u32>(frame, 0, FRAME_PARENT);
  return true;
}

function accountClose(account: u32, fate: u32, reason: u32): void {
  const at = accounts + account * ACCOUNT_SIZE;
  const both = load<u32>(at, ACCOUNT_FATE) | (fate & (FRAME_FATE_SENT | FRAME_FATE_CONSUMED));
  store<u32>(at, both, ACCOUNT_FATE);
  if (reason !== 0) store<u32>(at, reason, ACCOUNT_REASON);
  const references = load<u32>(at, ACCOUNT_REFERENCES) - 1;
  store<u32>(at, references, ACCOUNT_REFERENCES);
  if (references !== 0) return;
  settle(both, load<u32>(at, ACCOUNT_REASON), load<u32>(at, ACCOUNT_SEQUENCE));
  store<u32>(at, freeAccount, ACCOUNT_REFERENCES);
  freeAccount = account;
}

function settle(fate: u32, reason: u32, sequence: u32): void {
  if ((fate & FRAME_FATE_COPY) !== 0) return;
  if ((fate & FRAME_FATE_SENT) !== 0) {
    count(PmdStat.FORWARDED, 1);
    return;
  }
  if ((fate & FRAME_FATE_CONSUMED) !== 0) {
    count(PmdStat.CONSUMED, 1);
    return;
  }
  const named = reason === DropReason.NONE ? (DropReason.POLICY as u32) : reason;
  count(PmdStat.DROPPED, 1);
  countDrop(named as DropReason);
  traceDrop(sequence, named);
}

/** Tells whoever traces the packet why it ended. */
export function traceDrop(sequence: u32, reason: u32): void {
  if (traceRing === 0 || sequence === 0) return;
  const record = ringReserve(traceRing, TRACE_RECORD_SIZE, TraceKind.DROP);
  if (record === 0) return;
  store<u32>(record, sequence, TRACE_SEQUENCE);
  store<u32>(record, reason, TRACE_VALUE);
  ringCommit(traceRing);
}
