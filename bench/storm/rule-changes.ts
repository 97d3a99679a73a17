// Rule changes with as many megaflows as a storm has installed: how long until those that a change touches
// are gone, how long a pass over all of them takes, and how long the controller is away at a time.
import type { ThreadedSwitch } from "../../src/threaded-switch.ts";
import { SpentTime } from "./rig.ts";

/** Figures of rule changes; times in milliseconds. */
export interface RuleChanges {
  readonly megaflows: number;
  /** Megaflows that the change could touch, and the time until those it did were gone or changed. */
  readonly touched: number;
  readonly touchedMs: number;
  /** A pass over all megaflows. */
  readonly fullMs: number;
  /** Processor time of the controller for the two. */
  readonly touchedCpuMs: number;
  readonly fullCpuMs: number;
  /** The longest slice of the revalidator, and one in a hundred is longer than the other; by the clock. */
  readonly longestSliceMs: number;
  readonly p99SliceMs: number;
}

/** Adds a rule above a sixteenth of the flows, and then translates all again. */
export async function measureRuleChanges(owner: ThreadedSwitch): Promise<RuleChanges> {
  const before = owner.revalidatorStats();
  const megaflows = owner.pmds[0]!.handler.liveCount;
  const change = new SpentTime();
  owner.addFlows("table=0,priority=60000,in_port=1,udp,tp_dst=1024/0xffc0 actions=drop");
  await owner.settled();
  const touched = change.spent;
  const looked = owner.revalidatorStats().retranslated - before.retranslated;
  const full = new SpentTime();
  owner.revalidate();
  await owner.settled();
  const all = full.spent;
  const { sliceUs } = owner.revalidatorStats();
  return {
    megaflows,
    touched: looked,
    touchedMs: touched.ms,
    touchedCpuMs: touched.controllerMs,
    fullMs: all.ms,
    fullCpuMs: all.controllerMs,
    longestSliceMs: sliceUs.max / 1000,
    p99SliceMs: sliceUs.p99 / 1000,
  };
}
