// What the slow path is to reach under load, beside what it reached.
import { median } from "../../src/bench/statistics.ts";
import type { ChangeTimes } from "./rule-changes.ts";
import type { StormResult } from "./storm.ts";

/** A target and the figures for it; `alone` is by processor time, where that tells something else. */
export interface TargetRow {
  readonly what: string;
  /** Least, or most, that is wanted. */
  readonly target: number;
  readonly wanted: "at least" | "at most";
  readonly unit: string;
  /** NaN where it was not measured. */
  readonly measured: number;
  readonly alone: number | null;
}

/** Every target that has figures. */
export function targetRows(result: StormResult): TargetRow[] {
  const rows = [...setUpTargets(result), ...neighbourTargets(result), ...changeTargets(result)];
  return rows.filter(({ measured }) => !Number.isNaN(measured));
}

/** Cells of a table: what, target, measured, alone, met. */
export function targetCells({ what, target, wanted, unit, measured, alone }: TargetRow): string[] {
  const meets = (value: number) => (wanted === "at least" ? value >= target : value <= target);
  const byAlone = alone !== null && meets(alone) ? "alone" : "no";
  const met = meets(measured) ? "yes" : byAlone;
  const text = (value: number) => `${value.toLocaleString("en-US", { maximumFractionDigits: 1 })} ${unit}`;
  return [what, `${wanted} ${text(target)}`, text(measured), alone === null ? "" : text(alone), met];
}

function setUpTargets({ setUp }: StormResult): TargetRow[] {
  const rows: TargetRow[] = [];
  for (const [tables, flows] of [
    [1, 100_000],
    [8, 60_000],
  ] as const) {
    const runs = setUp.filter((one) => one.tables === tables);
    if (runs.length === 0) continue;
    const name = tables === 1 ? "one table" : "eight tables";
    const mid = (of: (one: (typeof runs)[number]) => number) => median(runs.map(of));
    rows.push(
      {
        ...{ what: `new flows a second, ${name}`, target: flows, wanted: "at least", unit: "" },
        ...{ measured: mid((one) => one.flowsPerSecond), alone: mid((one) => one.flowsPerSecondAlone) },
      },
      most(`upcalls lost, ${name}`, 0, "", Math.max(...runs.map((one) => one.lost))),
      most(
        `controller memory a megaflow, ${name}`,
        400,
        "bytes",
        mid((one) => one.bytesPerFlow),
      ),
    );
  }
  return rows;
}

function neighbourTargets({ neighbours }: StormResult): TargetRow[] {
  return (["new flows", "explosion"] as const).flatMap((storm): TargetRow[] => {
    const runs = neighbours.filter((one) => one.storm === storm);
    if (runs.length === 0) return [];
    const share = (of: (one: (typeof runs)[number]) => number) => median(runs.map(of)) * 100;
    return [
      {
        what: `rate kept beside ${storm === "explosion" ? "a tuple-space explosion" : "a storm of new flows"}`,
        ...{ target: 80, wanted: "at least", unit: "%" },
        measured: share((one) => one.meanwhile.mpps / one.before.mpps),
        alone: share((one) => one.keptShare),
      },
    ];
  });
}

function changeTargets({ setUp }: StormResult): TargetRow[] {
  const runs = setUp.flatMap(({ changes }) => (changes === null ? [] : [changes]));
  if (runs.length === 0) return [];
  const times = (at: number, of: (one: ChangeTimes) => number) =>
    median(runs.map(({ changes }) => of(changes.at(at) as ChangeTimes)));
  const change = (what: string, at: number, target: number): TargetRow => ({
    ...most(
      what,
      target,
      "ms",
      times(at, (one) => one.settledMs),
    ),
    alone: times(at, (one) => one.cpuMs),
  });
  const slice = (of: (run: (typeof runs)[number]) => number | undefined) =>
    Math.max(...runs.map((run) => of(run) ?? Number.NaN));
  return [
    change("a sixteenth of the megaflows touched: gone after", 0, 200),
    change("no megaflow touched: done after", 2, 200),
    change("all translated again", -1, 2000),
    {
      ...most(
        "99 % of the slices",
        10,
        "ms",
        slice((run) => run.p99SliceMs),
      ),
      alone: slice((run) => run.p99RanMs),
    },
    {
      ...most(
        "the longest slice",
        10,
        "ms",
        slice((run) => run.longestSlice?.ms),
      ),
      alone: slice((run) => run.busiestSlice?.ranMs),
    },
  ];
}

function most(what: string, target: number, unit: string, measured: number): TargetRow {
  return { what, target, wanted: "at most", unit, measured, alone: null };
}
