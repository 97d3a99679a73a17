// How tests wait: for something that must come, looking again and again, with a patience that outlasts whatever a
// busy machine does in between. A test that is right ends as soon as the thing is there; only a wrong one waits long.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** Longest wait for something that must come, in ms. */
export const PATIENCE_MS = 120_000;

/** Waits until the condition holds; fails with `what` (asked for at the end when it is a function) when it never does. */
export async function eventually(
  what: string | (() => string),
  holds: () => boolean | Promise<boolean>,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > deadline) {
      const text = typeof what === "string" ? what : what();
      assert.fail(`waited ${patienceMs / 1000} s in vain: ${text}`);
    }
    await sleep(5);
  }
}
