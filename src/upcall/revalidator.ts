// Keeps megaflows true: after a change each is translated again, and changed or removed when the answer
// is another one now.

import { KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import type { UpcallHandler } from "./handler.ts";
import type { Ukey } from "./ukey.ts";

/** What a pass did. */
export interface RevalidationResult {
  examined: number;
  changed: number;
  removed: number;
}

/** Translates every live megaflow of the PMD again. */
export function revalidate(handler: UpcallHandler): RevalidationResult {
  const result: RevalidationResult = { examined: 0, changed: 0, removed: 0 };
  handler.stale = false;
  handler.generation++;
  for (const ukey of handler.ukeys.values()) {
    if (ukey.state !== "live") continue;
    result.examined++;
    revalidateOne(handler, ukey, result);
  }
  return result;
}

function revalidateOne(handler: UpcallHandler, ukey: Ukey, result: RevalidationResult): void {
  const translation = handler.retranslate(ukey);
  if (!translation.cacheable || looksAtMore(translation.mask, ukey.mask)) {
    handler.remove(ukey);
    result.removed++;
    return;
  }
  if (handler.replace(ukey, translation)) result.changed++;
}

/** Whether `mask` has bits that `than` has not: then the installed mask is too wide to be true. */
function looksAtMore(mask: Uint32Array, than: Uint32Array): boolean {
  for (let i = 0; i < KEY_WORD_COUNT; i++) if ((mask[i]! & ~than[i]!) !== 0) return true;
  return false;
}
