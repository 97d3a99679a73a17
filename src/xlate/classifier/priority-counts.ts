// The highest of a multiset of priorities, kept while rules come and go.
//
// A count a priority and a heap with lazy deletion: adding and removing cost O(log n) however many
// rules share a subtable and however their priorities are spread.

/** A multiset of priorities that knows its maximum. */
export class PriorityCounts {
  readonly #counts = new Map<number, number>();
  #heap: number[] = [];

  /** The highest priority present, or -1 when there is none. */
  get max(): number {
    return this.#heap[0] ?? -1;
  }

  add(priority: number): void {
    const count = this.#counts.get(priority);
    if (count !== undefined) {
      this.#counts.set(priority, count + 1);
      return;
    }
    this.#counts.set(priority, 1);
    this.#push(priority);
  }

  /** Takes one away; it must be present. */
  remove(priority: number): void {
    const count = this.#counts.get(priority);
    if (count === undefined) throw new RangeError("PriorityCounts.remove: not there");
    if (count > 1) {
      this.#counts.set(priority, count - 1);
      return;
    }
    this.#counts.delete(priority);
    while (this.#heap.length > 0 && !this.#counts.has(this.#heap[0] as number)) this.#pop();
    if (this.#heap.length > 64 && this.#heap.length > this.#counts.size * 4) this.#rebuild();
  }

  /** A priority that left and came back may be in the heap twice, which does no harm. */
  #push(priority: number): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(priority);
    while (i > 0) {
      const parent = (i - 1) >>> 1;
      if ((heap[parent] as number) >= priority) break;
      heap[i] = heap[parent] as number;
      i = parent;
    }
    heap[i] = priority;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as number;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = i * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as number) > (heap[child] as number)) child++;
      if ((heap[child] as number) <= last) break;
      heap[i] = heap[child] as number;
      i = child;
    }
    heap[i] = last;
  }

  #rebuild(): void {
    this.#heap = [...this.#counts.keys()].sort((a, b) => b - a);
  }
}
