// Rule changes with as many megaflows as a storm has installed and established traffic on another port: how long
// until those that a change touches are gone, how long a pass over all of them takes, how long the controller is
// away at a time, and what forwarding notices.
import { setTimeout as sleep } from "node:timers/promises";
import type { ThreadedSwitch } from "../../src/threaded-switch.ts";
import type { SliceReport } from "../../src/upcall/slice-watch.ts";
import { established, place, QUIET, QUIET_PORT, quietRules, rateOf, SpentTime } from "./rig.ts";

/** What one change took; times in milliseconds. */
export interface ChangeTimes {
  readonly what: string;
  /** Megaflows translated again, and of these changed or removed. */
  readonly retranslated: number;
  readonly changed: number;
  /** From the call to the last PMD's word that nothing goes by the old rules, and of that the call itself. */
  readonly settledMs: number;
  readonly applyMs: number;
  /** Processor time of the controller meanwhile. */
  readonly cpuMs: number;
  /** Rate that established traffic kept, by the PMD's processor time; NaN where it was too short to tell. */
  readonly keptShare: number;
}

/** Figures of rule changes. */
export interface RuleChanges {
  readonly megaflows: number;
  /** Established traffic before, in Mpps of the PMD's processor time. */
  readonly beforeMpps: number;
  readonly changes: readonly ChangeTimes[];
  /** 99 in 100 slices of the revalidator are shorter by the clock, set-up included. */
  readonly p99SliceMs: number;
  /** The same of what the thread ran in them. */
  readonly p99RanMs: number;
  /** The slice that was longest by the clock, and the one in which the thread ran longest. */
  readonly longestSlice: SliceReport | null;
  readonly busiestSlice: SliceReport | null;
}

/** Processor time of the PMD below which a rate says nothing. */
const RATE_MIN_MS = 40;
const PATIENCE_SECONDS = 60;

const SIXTEENTH = "table=0,priority=60000,in_port=1,udp,tp_dst=1024/0xffc0";
const ELSEWHERE = "table=0,priority=60002,in_port=1,udp,nw_dst=203.0.113.7";
const ALL = "table=0,priority=60001,in_port=1,ip";

/** Changes rules, one change after the other; `seconds` of established traffic are measured before. */
export async function measureRuleChanges(owner: ThreadedSwitch, seconds: number): Promise<RuleChanges> {
  owner.addFlows(quietRules(QUIET));
  owner.addTrace(QUIET_PORT, place(owner, QUIET));
  await established(owner, PATIENCE_SECONDS);
  const megaflows = owner.pmds[0]!.handler.liveCount;
  const before = await rateOf(owner, QUIET_PORT, seconds);
  const changes: ChangeTimes[] = [];
  const one = async (what: string, change: () => void) => {
    changes.push({ what, ...(await changeOnce(owner, before.mppsAlone, change)) });
    await sleep(100);
  };
  await one("a rule over a sixteenth of the megaflows", () => owner.addFlows(`${SIXTEENTH} actions=drop`));
  await one("that rule deleted", () => owner.delFlows(SIXTEENTH, undefined, true));
  await one("a rule that no megaflow meets", () => owner.addFlows(`${ELSEWHERE} actions=4`));
  await one("that rule deleted", () => owner.delFlows(ELSEWHERE, undefined, true));
  await one("a rule over all of a port", () => owner.addFlows(`${ALL} actions=4`));
  await one("that rule deleted", () => owner.delFlows(ALL, undefined, true));
  // The first time V8 compiles what such a change runs, on the controller's core; this is what it takes later.
  await one("the rule over a sixteenth once more", () => owner.addFlows(`${SIXTEENTH} actions=drop`));
  await one("that rule deleted", () => owner.delFlows(SIXTEENTH, undefined, true));
  await one("every megaflow translated again", () => owner.revalidate());
  const { sliceUs, sliceRanUs, longestSlice, busiestSlice } = owner.revalidatorStats();
  return {
    megaflows,
    beforeMpps: before.mppsAlone,
    changes,
    p99SliceMs: sliceUs.p99 / 1000,
    p99RanMs: sliceRanUs.p99 / 1000,
    longestSlice,
    busiestSlice,
  };
}

async function changeOnce(
  owner: ThreadedSwitch,
  usualMpps: number,
  change: () => void,
): Promise<Omit<ChangeTimes, "what">> {
  const before = owner.revalidatorStats();
  const packets = () => owner.portCounters(QUIET_PORT).rxPackets;
  const packetsBefore = packets();
  const time = new SpentTime();
  change();
  const applyMs = time.spent.ms;
  await owner.settled();
  const { ms: settledMs, controllerMs: cpuMs, pmdMs } = time.spent;
  const mpps = (packets() - packetsBefore) / pmdMs / 1000;
  const after = owner.revalidatorStats();
  return {
    retranslated: after.retranslated - before.retranslated,
    changed: after.changed + after.removed.changed - before.changed - before.removed.changed,
    settledMs,
    applyMs,
    cpuMs,
    keptShare: pmdMs < RATE_MIN_MS ? Number.NaN : mpps / usualMpps,
  };
}
