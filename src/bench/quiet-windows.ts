// Windows of a measurement on a machine that others use too: one in which they had the core is measured again.

/** Share of its core below which a window was disturbed. */
export const QUIET_SHARE = 0.97;

/** What was measured, and how often it was measured again. */
export interface QuietWindows<W> {
  readonly windows: W[];
  readonly repeated: number;
}

/**
 * Measures `count` windows. Disturbed ones are measured again, up to `again` times in all; of two readings the one with the
 * larger share of the core is kept, whatever rate it shows, so that nothing is chosen by what came out.
 */
export async function measureQuietWindows<W extends { readonly running: number }>(
  count: number,
  again: number,
  measure: () => Promise<W>,
  measured: (done: number) => void = () => {},
): Promise<QuietWindows<W>> {
  const windows: W[] = [];
  let repeated = 0;
  for (let i = 0; i < count; i++) {
    let window = await measure();
    for (; window.running < QUIET_SHARE && repeated < again; repeated++) {
      const next = await measure();
      if (next.running > window.running) window = next;
    }
    windows.push(window);
    measured(i + 1);
  }
  return { windows, repeated };
}
