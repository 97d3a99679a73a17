// COLD: packets that cannot be carried.

import { traceDrop } from "../core/account.ts";
import { count, countDrop, ports } from "../core/state.ts";
import { PORT_RX_BYTES, PORT_RX_DROPS, PORT_RX_PACKETS, PORT_SIZE } from "../layout/port.ts";
import { DropReason, PmdStat } from "../layout/stat.ts";

/** Counts a packet that the switch cannot take: received, and dropped. */
export function refuse(port: u32, length: u32, sequence: u32, reason: DropReason): void {
  const record = ports + port * PORT_SIZE;
  store<u64>(record, load<u64>(record, PORT_RX_PACKETS) + 1, PORT_RX_PACKETS);
  store<u64>(record, load<u64>(record, PORT_RX_BYTES) + (length as u64), PORT_RX_BYTES);
  store<u64>(record, load<u64>(record, PORT_RX_DROPS) + 1, PORT_RX_DROPS);
  count(PmdStat.RX, 1);
  count(PmdStat.RX_BYTES, length);
  count(PmdStat.DROPPED, 1);
  countDrop(reason);
  traceDrop(sequence, reason);
}
