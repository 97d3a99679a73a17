// Conjunctive matches: rules that each say "I am clause k of n of conjunction id"; when every clause
// of an id matches, the packet is looked up again with conj_id set to it (ovs-fields(7), conj_id).

/** One `conjunction(id, k/n)` action of a rule. */
export interface Conjunction {
  readonly id: number;
  /** Zero-based. */
  readonly clause: number;
  /** Clauses of the whole conjunction, 2 to 64. */
  readonly clauses: number;
}

/** The ids all of whose clauses are met by `sets`, in the order in which they became complete. */
export function completeConjunctions(sets: readonly (readonly Conjunction[])[]): number[] {
  const met = new Map<number, { left: number; seen: Set<number> }>();
  const complete: number[] = [];
  for (const set of sets) {
    for (const { id, clause, clauses } of set) {
      let state = met.get(id);
      if (state === undefined) {
        state = { left: clauses, seen: new Set() };
        met.set(id, state);
      }
      if (state.seen.has(clause)) continue;
      state.seen.add(clause);
      if (--state.left === 0) complete.push(id);
    }
  }
  return complete;
}
