// Rule changes with as many megaflows as a storm has installed: how long until those that a change touches
// are gone, how long a pass over all of them takes, and how long the controller is away at a time.
import type { ThreadedSwitch } from "../../src/threaded-switch.ts";

/** Figures of rule changes; times in milliseconds. */
export interface RuleChanges {
  readonly megaflows: number;
  /** Megaflows that the change touched, and the time until all of them were gone or changed. */
  readonly touched: number;
  readonly touchedMs: number;
  /** A pass over all megaflows. */
  readonly fullMs: number;
  /** The longest time that the controller did nothing else meanwhile. */
  readonly longestSliceMs: number;
}

/** Adds a rule above a sixteenth of the flows, and then translates all again. */
export async function measureRuleChanges(owner: ThreadedSwitch): Promise<RuleChanges> {
  const { handler } = owner.pmds[0]!;
  const megaflows = handler.liveCount;
  const watch = new SliceWatch();
  const before = owner.revalidatorStats().retranslated;
  let start = performance.now();
  owner.addFlows("table=0,priority=60000,in_port=1,udp,tp_dst=1024/0xffc0 actions=drop");
  await owner.settled();
  const touchedMs = performance.now() - start;
  const touched = owner.revalidatorStats().retranslated - before;
  start = performance.now();
  owner.revalidate();
  await owner.settled();
  const fullMs = performance.now() - start;
  return { megaflows, touched, touchedMs, fullMs, longestSliceMs: watch.end() };
}

/** Sees how long this thread does not come back to its timers. */
class SliceWatch {
  #last = performance.now();
  #longest = 0;
  readonly #timer = setInterval(() => this.#look(), 1);

  /** The longest time in milliseconds. */
  end(): number {
    this.#look();
    clearInterval(this.#timer);
    return this.#longest;
  }

  #look(): void {
    const now = performance.now();
    this.#longest = Math.max(this.#longest, now - this.#last);
    this.#last = now;
  }
}
