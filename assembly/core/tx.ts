// Sending: what each kind of port does with a packet. The fast path (a NULL port without flags) is in
// pmd/forward.ts; everything else comes here.

import { FRAME_DATA, FRAME_FATE, FRAME_FATE_SENT, FRAME_REASON, FRAME_SEQUENCE } from "../layout/frame.ts";
import { PACKET_MAX, PORT_MAX } from "../layout/limits.ts";
import { PMD_DIGEST } from "../layout/pmd.ts";
import {
  PORT_FLAG_DIGEST,
  PORT_FLAG_DOWN,
  PORT_KIND,
  PORT_KIND_MASK,
  PORT_MTU,
  PORT_SIZE,
  PORT_TX,
  PORT_TX_BYTES,
  PORT_TX_DROPS,
  PORT_TX_PACKETS,
  PortKind,
  TX_RECORD,
  TX_RECORD_DATA,
  TX_RECORD_LENGTH,
  TX_RECORD_PORT,
  TX_RECORD_SEQUENCE,
} from "../layout/port.ts";
import { DropReason, PmdStat } from "../layout/stat.ts";
import { frameTaken, queueOutput } from "./queue.ts";
import { ringCommit, ringReserve } from "./ring.ts";
import { count, pmd, ports } from "./state.ts";

/**
 * Sends the first `length` bytes of the packet in `frame` out of `port`. What became of it goes into the
 * frame's record: sent, or the reason why not. A `spare` frame may be sent itself: returns whether it was, and is
 * no longer the caller's; its record stays readable until the end of the turn.
 */
export function transmit(frame: u32, port: u32, length: u32, spare: bool): bool {
  taken = false;
  const refusal = output(frame, port, length, spare);
  if (refusal === DropReason.NONE) {
    store<u32>(frame, load<u32>(frame, FRAME_FATE) | FRAME_FATE_SENT, FRAME_FATE);
  } else {
    store<u32>(frame, refusal, FRAME_REASON);
  }
  return taken;
}

/** Whether the frame went with the packet. */
let taken: bool = false;

function output(frame: u32, port: u32, length: u32, spare: bool): DropReason {
  if (port >= PORT_MAX) return DropReason.NO_PORT;
  const record = ports + port * PORT_SIZE;
  const word = load<u32>(record, PORT_KIND);
  const kind = word & PORT_KIND_MASK;
  if (kind === (PortKind.NONE as u32)) return DropReason.NO_PORT;
  const refusal = send(record, word, frame, length, port, spare);
  if (refusal !== DropReason.NONE) {
    store<u64>(record, load<u64>(record, PORT_TX_DROPS) + 1, PORT_TX_DROPS);
    return refusal;
  }
  if ((word & PORT_FLAG_DIGEST) !== 0) digestAdd(load<u32>(frame, FRAME_DATA), length, port);
  store<u64>(record, load<u64>(record, PORT_TX_PACKETS) + 1, PORT_TX_PACKETS);
  store<u64>(record, load<u64>(record, PORT_TX_BYTES) + (length as u64), PORT_TX_BYTES);
  count(PmdStat.TX, 1);
  count(PmdStat.TX_BYTES, length);
  return DropReason.NONE;
}

function send(record: u32, word: u32, frame: u32, length: u32, port: u32, spare: bool): DropReason {
  if ((word & PORT_FLAG_DOWN) !== 0) return DropReason.PORT_DOWN;
  const mtu = load<u32>(record, PORT_MTU);
  if (length > (mtu === 0 ? PACKET_MAX : mtu)) return DropReason.MTU;
  const kind = word & PORT_KIND_MASK;
  if (kind === (PortKind.NULL as u32)) return DropReason.NONE;
  const target = load<u32>(record, PORT_TX);
  if (kind === (PortKind.RING as u32)) return sendRing(target, frame, length, port);
  const refusal = queueOutput(target, kind === (PortKind.PEER as u32), port, frame, length, spare);
  taken = frameTaken;
  return refusal;
}

function sendRing(ring: u32, frame: u32, length: u32, port: u32): DropReason {
  const slot = ringReserve(ring, TX_RECORD_DATA + length, TX_RECORD);
  if (slot === 0) return DropReason.TXQ_FULL;
  store<u32>(slot, load<u32>(frame, FRAME_SEQUENCE), TX_RECORD_SEQUENCE);
  store<u32>(slot, port, TX_RECORD_PORT);
  store<u32>(slot, length, TX_RECORD_LENGTH);
  memory.copy(slot + TX_RECORD_DATA, load<u32>(frame, FRAME_DATA), length);
  ringCommit(ring);
  return DropReason.NONE;
}

/** Folds a sent packet into the PMD's digest: port, length and every byte, in order. */
function digestAdd(data: u32, length: u32, port: u32): void {
  let digest = load<u64>(pmd, PMD_DIGEST);
  digest = digestStep(digest, ((port as u64) << 32) | (length as u64));
  let i: u32 = 0;
  for (; i + 8 <= length; i += 8) digest = digestStep(digest, load<u64>(data + i));
  let rest: u64 = 0;
  for (let shift: u64 = 0; i < length; i++, shift += 8) rest |= (load<u8>(data + i) as u64) << shift;
  store<u64>(pmd, digestStep(digest, rest), PMD_DIGEST);
}

/** One round of a multiply-and-rotate mix; not a secret hash, only a fingerprint. */
function digestStep(digest: u64, word: u64): u64 {
  return rotl<u64>(digest ^ word, 29) * (((0x9e3779b9 as u64) << 32) | 0x7f4a7c15);
}
