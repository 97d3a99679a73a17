// Makes a failing case small: drops rules, groups and packets as long as the case still fails.

import type { DifferentialCase } from "./differential.ts";

/** Drops halves, quarters ... and at last single items of each list of the case while `fails` holds. */
export async function minimise(
  drawn: DifferentialCase,
  fails: (smaller: DifferentialCase) => Promise<boolean>,
  budgetMs: number,
): Promise<DifferentialCase> {
  const deadline = Date.now() + budgetMs;
  let best = drawn;
  for (const list of ["packets", "flows", "groups", "flows"] as const) {
    for (
      let size = Math.ceil(best[list].length / 2);
      size >= 1;
      size = size === 1 ? 0 : Math.ceil(size / 2)
    ) {
      for (let at = 0; at < best[list].length && Date.now() < deadline; ) {
        const items: unknown[] = [...best[list]];
        items.splice(at, size);
        const smaller = { ...best, [list]: items } as DifferentialCase;
        if ((items.length > 0 || list === "groups") && (await fails(smaller))) best = smaller;
        else at += size;
      }
    }
  }
  return best;
}
