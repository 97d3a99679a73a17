// One turn of the PMD: commands, a burst of every receive queue, and a little housekeeping. The host calls
// it in a loop; each call is bounded, so that V8 can move it into optimised code and the host gets its turn.

import { flowsInit } from "../classifier/flows.ts";
import { masksInit, masksRank } from "../classifier/masks.ts";
import { programsInit } from "../classifier/programs.ts";
import { pruneInit, pruneWork } from "../classifier/pruning.ts";
import { accountsInit } from "../core/account.ts";
import { framePoolInit, framePoolPublish, framesTidy } from "../core/frame-pool.ts";
import { queueTurn } from "../core/queue.ts";
import { clockSet, count, pmd, regionBase, regionSize, setting, stateInit } from "../core/state.ts";
import { tableInit, tableMove } from "../core/table.ts";
import { peers, umemInit } from "../core/umem.ts";
import { hashSeed } from "../key/hash.ts";
import { maskedHashInit } from "../key/masked.ts";
import { TABLE_BUCKET_SIZE } from "../layout/hash-table.ts";
import { BATCH_MAX } from "../layout/limits.ts";
import {
  PMD_FLOW_COUNT,
  PMD_FLOW_TABLE,
  PMD_KICK_COUNT,
  PMD_RXQ_COUNT,
  PMD_SEED,
  PMD_UFID_TABLE,
  RegionId,
  Setting,
} from "../layout/pmd.ts";
import { RXQ_KIND, RXQ_SOURCE, RxqKind } from "../layout/port.ts";
import { PmdStat } from "../layout/stat.ts";
import { applyCommands } from "./commands.ts";
import { contextsInit, receiveContext } from "./contexts.ts";
import { fairTurn, hasHadTurn, isDue, isWatched, passed } from "./fair-turns.ts";
import { lookupReload } from "./microflow.ts";
import { showPeers, takeFromPeers } from "./peers.ts";
import { processBatch, processWatched } from "./process.ts";
import { receiveBurst, rxqAt } from "./receive.ts";
import { pendingSweep, upcallsInit } from "./upcalls.ts";

/** Commands applied before a turn's packets: enough for 100,000 flows a second, few enough for 50 us. */
const COMMANDS_A_TURN: u32 = 64;

/** Starts the PMD whose control block, filled in by the controller, lies at `control`. */
export function pmdInit(control: u32): void {
  stateInit(control);
  hashSeed(load<u64>(control, PMD_SEED), load<u64>(control, PMD_SEED + 8));
  maskedHashInit();
  framePoolInit();
  umemInit();
  accountsInit();
  upcallsInit();
  contextsInit();
  masksInit();
  flowsInit();
  programsInit(regionSize(RegionId.PROGRAMS));
  pruneInit();
  tableStart(PMD_FLOW_TABLE, RegionId.FLOW_TABLE);
  tableStart(PMD_UFID_TABLE, RegionId.UFID_TABLE);
  lookupReload();
}

/**
 * Takes `turns` turns at most, stopping early when one found nothing or leaves the thread something to do
 * (PMD_KICK_COUNT); returns the packets received.
 */
export function poll(turns: u32, now: u32): u32 {
  clockSet(now);
  let received: u32 = 0;
  for (let turn: u32 = 0; turn < turns; turn++) {
    const n = pollOnce();
    received += n;
    if (n === 0 || load<u32>(pmd, PMD_KICK_COUNT) !== 0) break;
  }
  framePoolPublish();
  return received;
}

function pollOnce(): u32 {
  store<u32>(pmd, 0, PMD_KICK_COUNT);
  const commands = applyCommands(COMMANDS_A_TURN);
  const batch = min<u32>(setting(Setting.BATCH), BATCH_MAX);
  const context = receiveContext();
  const queues = load<u32>(pmd, PMD_RXQ_COUNT);
  let received: u32 = 0;
  fairTurn();
  for (let i: u32 = 0; i < queues; i++) {
    const rxq = rxqAt(i);
    if (queues > 1 && !isDue(rxq, batch)) continue;
    const n = receiveBurst(rxq, context, batch);
    if (n === 0) continue;
    if (queues > 1 && isWatched()) processWatched(context, rxq);
    else processBatch(context);
    if (queues > 1) hasHadTurn(rxq, n);
    received += n;
  }
  if (peers !== 0) realPortsTurn(queues);
  housekeeping();
  count(PmdStat.POLLS, 1);
  if (received === 0) count(PmdStat.POLLS_IDLE, 1);
  // A queue that let a turn pass has work for the next one.
  return received + commands + passed;
}

/** What was sent this turn becomes visible to kernel and peers; frames come back. */
function realPortsTurn(queues: u32): void {
  takeFromPeers();
  for (let i: u32 = 0; i < queues; i++) {
    const rxq = rxqAt(i);
    if (load<u32>(rxq, RXQ_KIND) === (RxqKind.QUEUE as u32)) queueTurn(load<u32>(rxq, RXQ_SOURCE));
  }
  showPeers();
}

/** What is done between batches: a slice of every background job. */
export function housekeeping(): void {
  tableMove(pmd + PMD_FLOW_TABLE);
  tableMove(pmd + PMD_UFID_TABLE);
  pruneWork(load<u32>(pmd, PMD_FLOW_COUNT));
  masksRank();
  pendingSweep();
  framesTidy();
}

function tableStart(descriptor: u32, region: RegionId): void {
  tableInit(pmd + descriptor, regionBase(region), regionSize(region) / TABLE_BUCKET_SIZE);
}
