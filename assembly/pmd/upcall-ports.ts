// COLD: what each port may ask of the controller. A scan on one port must not use up what all ports need:
// the records of pending upcalls, the frames that wait, the upcall ring. A port may always have as much as is
// left for the others, so that one alone gets half of everything, two a third each, and there is always room
// for one that was quiet.

import { clock, ports, regionBase, setting } from "../core/state.ts";
import { FRAME_IN_PORT } from "../layout/frame.ts";
import { PENDING_MAX, PORT_MAX } from "../layout/limits.ts";
import {
  ACCOUNT_MAX,
  ACCOUNT_SIZE,
  PENDING_CHAINS,
  PENDING_SIZE,
  RegionId,
  Setting,
  UPCALL_PORT_FILLED,
  UPCALL_PORT_LOST,
  UPCALL_PORT_PARKED,
  UPCALL_PORT_PUNTS,
  UPCALL_PORT_SIZE,
  UPCALL_PORT_TAKEN,
  UPCALL_PORT_TOKENS,
  UpcallLoss,
} from "../layout/pmd.ts";
import { PORT_PENDING, PORT_SIZE, PORT_UPCALLS_LOST } from "../layout/port.ts";

/** Packets that actions of one port's packets may have sent up without the controller having taken them. */
const PUNTS_MAX: u32 = 1024;
/** Tokens that one upcall costs. */
const TOKEN: u32 = 1000;
/** The longest time that fills a bucket. */
const FILL_MS: u32 = 100;

let records: u32 = 0;

export function upcallPortsInit(): void {
  records =
    regionBase(RegionId.PENDING) +
    (PENDING_MAX + 1) * PENDING_SIZE +
    PENDING_CHAINS * 4 +
    ACCOUNT_MAX * ACCOUNT_SIZE;
  memory.fill(records, 0, PORT_MAX * UPCALL_PORT_SIZE);
}

/** Whether the port of the frame may park one more of the `room` frames that are left; counts a loss if not. */
export function mayPark(frame: u32, room: u32): bool {
  if (load<u32>(recordOf(frame), UPCALL_PORT_PARKED) < room) return true;
  countLost(frame, UpcallLoss.FRAMES);
  return false;
}

/** Whether the port may have one more of the `room` pending records that are left; counts a loss if not. */
export function mayAsk(frame: u32, room: u32): bool {
  const waiting = load<u32>(ports + load<u32>(frame, FRAME_IN_PORT) * PORT_SIZE, PORT_PENDING);
  if (waiting >= room || waiting >= setting(Setting.UPCALL_SHARE)) {
    countLost(frame, UpcallLoss.SHARE);
    return false;
  }
  return takeToken(frame);
}

/** Whether one more packet of the port may go up by an action; counts a loss if not. */
export function mayPunt(frame: u32): bool {
  const record = recordOf(frame);
  if (load<u32>(record, UPCALL_PORT_PUNTS) - load<u32>(record, UPCALL_PORT_TAKEN) >= PUNTS_MAX) {
    countLost(frame, UpcallLoss.SHARE);
    return false;
  }
  return takeToken(frame);
}

/** A packet of the port went up by an action. */
export function punted(frame: u32): void {
  const record = recordOf(frame);
  store<u32>(record, load<u32>(record, UPCALL_PORT_PUNTS) + 1, UPCALL_PORT_PUNTS);
}

/** Frames of the port that wait: one more, or one less. */
export function parkedOf(frame: u32, change: i32): void {
  const record = recordOf(frame);
  store<u32>(record, ((load<u32>(record, UPCALL_PORT_PARKED) as i32) + change) as u32, UPCALL_PORT_PARKED);
}

/** Counts a packet whose upcall was lost. */
export function countLost(frame: u32, why: UpcallLoss): void {
  const port = ports + load<u32>(frame, FRAME_IN_PORT) * PORT_SIZE;
  store<u64>(port, load<u64>(port, PORT_UPCALLS_LOST) + 1, PORT_UPCALLS_LOST);
  const at = recordOf(frame) + ((why as u32) << 2);
  store<u32>(at, load<u32>(at, UPCALL_PORT_LOST) + 1, UPCALL_PORT_LOST);
}

/** The token bucket: `rate` thousandths of a token a millisecond, full after FILL_MS. */
function takeToken(frame: u32): bool {
  const rate = setting(Setting.UPCALL_RATE);
  if (rate === 0) return true;
  const record = recordOf(frame);
  const passed = min<u32>(clock - load<u32>(record, UPCALL_PORT_FILLED), FILL_MS);
  const full = max<u32>(rate * FILL_MS, TOKEN);
  const tokens = min<u32>(load<u32>(record, UPCALL_PORT_TOKENS) + rate * passed, full);
  store<u32>(record, clock, UPCALL_PORT_FILLED);
  const enough = tokens >= TOKEN;
  store<u32>(record, enough ? tokens - TOKEN : tokens, UPCALL_PORT_TOKENS);
  if (!enough) countLost(frame, UpcallLoss.RATE);
  return enough;
}

function recordOf(frame: u32): u32 {
  return records + load<u32>(frame, FRAME_IN_PORT) * UPCALL_PORT_SIZE;
}
