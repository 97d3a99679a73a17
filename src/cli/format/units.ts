// Numbers for people.

/** Returns a count with its thousands set apart: 1234567 -> `1,234,567`. */
export function groupDigits(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Returns a share of a whole as `12.3 %`; of nothing, `-`. */
export function percent(part: number, whole: number): string {
  return whole === 0 ? "-" : `${((100 * part) / whole).toFixed(1)} %`;
}

/** Returns a noun with its count: `1 packet`, `2,000 packets`. */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${groupDigits(count)} ${count === 1 ? noun : plural}`;
}
