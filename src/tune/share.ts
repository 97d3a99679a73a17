// Shares that say something even of nothing.

/** A part of a whole; of nothing it is nothing. */
export function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
