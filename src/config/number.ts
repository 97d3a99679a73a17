// Numbers as people write them: 4k, 1M, 1.5s. Sizes are binary (4k = 4,096), because what they size is.

/** Returns the count that `text` says (`200000`, `0x10`, `4k`, `1M`), or undefined when it is not one. */
export function parseCount(text: string): number | undefined {
  const match = /^(0x[0-9a-f]+|[0-9]+)([kKmMgG]?)$/i.exec(text.trim());
  if (match === null) return undefined;
  const digits = match[1] as string;
  const suffix = (match[2] as string).toLowerCase();
  const count = Number(digits) * (suffixFactor[suffix] as number);
  return Number.isSafeInteger(count) ? count : undefined;
}

/** Returns a count as short as it can be said exactly: 4096 -> `4k`, 200000 -> `200000`. */
export function formatCount(count: number): string {
  if (count >= 1 << 20 && count % (1 << 20) === 0) return `${count / (1 << 20)}M`;
  if (count >= 1024 && count % 1024 === 0) return `${count / 1024}k`;
  return String(count);
}

/** Returns the milliseconds that `text` says (`10s`, `500ms`, `2m`, `10` = seconds), or undefined. */
export function parseDuration(text: string): number | undefined {
  const match = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?$/.exec(text.trim());
  if (match === null) return undefined;
  return Number(match[1]) * (unitMs[match[2] ?? "s"] as number);
}

const suffixFactor: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1 << 20, g: 1 << 30 };
const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
