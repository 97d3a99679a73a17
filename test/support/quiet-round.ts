// Waiting until a switch on threads knows all of its traffic: a whole round of its traces goes by without a miss.

import type { ThreadedSwitch } from "../../src/threaded-switch.ts";
import { eventually } from "./eventually.ts";

/** Resolves after a round in which no packet had to wait for the controller, nor was lost on the way to it. */
export async function quietRound(sw: ThreadedSwitch): Promise<void> {
  const missed = (): number => sw.stats().reduce((sum, { counters }) => sum + counters.MISS, 0);
  let misses = -1;
  let from = 0;
  await eventually(
    () => `a round without a miss: ${missed()} misses in ${sw.traceRounds()} rounds`,
    () => {
      const now = missed();
      const rounds = sw.traceRounds();
      if (now !== misses) {
        misses = now;
        // The round that is under way was not quiet from its start.
        from = rounds + 1;
      }
      return rounds > from;
    },
  );
}
