// scratch
export function formatOdpMatch(key: Uint32Array, mask: Uint32Array): string {
  return `${[...key]
    .map((w, i) => (mask[i] ? `${i}:${w.toString(16)}/${mask[i]!.toString(16)}` : ""))
    .filter(Boolean)
    .join(" ")}`;
}
export function formatOdpActions(a: unknown): string {
  return JSON.stringify(a, (_k, v) => (typeof v === "bigint" ? v.toString() : v));
}
