// `megaflow tune --attach`: watches a running switch for a while, and says what its caches should be.

import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ControlClient } from "../control/client.ts";
import { MegaflowError } from "../errors.ts";
import type { CounterSnapshot, Snapshot } from "../observe/snapshot.ts";
import { adviseLive, type LiveAdvice, type ProfileAnswer } from "../tune/attach.ts";
import { microflowEntryBytes } from "../tune/cost-model.ts";
import {
  adviceLines,
  assignments,
  percent,
  type SizeRow,
  shownRows,
  sizeRow,
  sizeTable,
} from "../tune/format.ts";
import type { PmdProfile } from "../tune/live-profiler.ts";
import { cacheBorders, type TuneReport, tuneReportHtml } from "../tune/report-html.ts";
import { ProgressBar } from "./progress-bar.ts";

/** What the command line says. */
export interface AttachOptions {
  readonly watchMs: number;
  /** Undefined = recommend, do not apply. */
  readonly verifyMs: number | undefined;
  readonly report: string | undefined;
  readonly json: boolean;
  /** CPU to calibrate on. */
  readonly core: number;
}

/** What the switch did in a while. */
interface Live {
  readonly mpps: number;
  readonly hits: SizeRow["hits"];
  readonly upcallsPerPacket: number;
}

const LOOK_MS = 250;
const SETTLE_MS = 2000;
/** Half of the distance of the sample's quarters from which on it is not to be trusted. */
const UNCERTAIN = 0.1;
const UNCERTAIN_LINE =
  "a few connections make so many of the packets that a sample may mislead: --verify measures what the recommendation does";

/** Runs it. Rejects as connecting does, and with `TUNE_NO_TRAFFIC` when no packet came. */
export async function tuneAttached(socket: string, options: AttachOptions): Promise<void> {
  const client = await ControlClient.connect(socket);
  const bar = new ProgressBar();
  try {
    const profile = await watch(client, options.watchMs, (share) =>
      bar.show(share * 0.6, "watching the traffic"),
    );
    const present = await liveRates(client, Math.min(options.watchMs, 2000));
    const advice = await adviseLive(profile, options.core, (share) =>
      bar.show(0.6 + share * 0.2, "calibrating"),
    );
    if (advice === undefined) throw noTraffic();
    let rows = rowsOf(advice, present);
    if (options.verifyMs !== undefined) {
      bar.show(0.8, "applying and measuring");
      rows = await applied(client, advice, rows, present, options.verifyMs);
    }
    bar.clear();
    if (options.report !== undefined) writeFileSync(options.report, tuneReportHtml(reportOf(advice, rows)));
    print(client.path, advice, rows, present, options);
  } finally {
    bar.clear();
    client.close();
  }
}

/** Starts the profiler unless somebody else has, waits, and leaves it as it was. */
async function watch(
  client: ControlClient,
  ms: number,
  progress: (share: number) => void,
): Promise<ProfileAnswer> {
  const before = await client.json<ProfileAnswer>("tune/profile");
  await client.run("tune/profile", "start");
  try {
    const start = performance.now();
    for (let gone = 0; gone < ms; gone = performance.now() - start) {
      progress(gone / ms);
      await sleep(Math.min(LOOK_MS, ms));
    }
    const profile = await client.json<ProfileAnswer>("tune/profile");
    if (profile.pmds.length === 0) throw noTraffic();
    return profile;
  } finally {
    if (!before.profiling) await client.run("tune/profile", "stop");
  }
}

function noTraffic(): MegaflowError {
  return new MegaflowError(
    "TUNE_NO_TRAFFIC",
    "no sampled packet came while the switch was watched: send traffic, or watch longer with --for",
  );
}

async function liveRates(client: ControlClient, ms: number): Promise<Live> {
  const read = async () => {
    const { totals } = await client.json<Snapshot>("snapshot");
    return { counters: totals, at: performance.now() };
  };
  const before = await read();
  await sleep(ms);
  const after = await read();
  const delta = (of: (counters: CounterSnapshot) => number): number =>
    of(after.counters) - of(before.counters);
  const lookups = Math.max(
    1,
    delta((counters) => counters.lookups),
  );
  const packets = delta((counters) => counters.rxPackets);
  return {
    mpps: packets / (after.at - before.at) / 1000,
    upcallsPerPacket: delta((counters) => counters.upcalls) / Math.max(1, packets),
    hits: {
      microflow: delta((counters) => counters.hits.microflow) / lookups,
      maskCache: delta((counters) => counters.hits.maskCache) / lookups,
      masked: delta((counters) => counters.hits.masked) / lookups,
      upcall: delta((counters) => counters.hits.upcall) / lookups,
    },
  };
}

function rowsOf({ candidates, calibration }: LiveAdvice, present: Live): SizeRow[] {
  const facts = { caches: calibration.caches, upcalls: present.upcallsPerPacket };
  return candidates.map((candidate) => sizeRow(candidate, facts));
}

/** Applies the recommendation and measures; the rows say what was measured before and after. */
async function applied(
  client: ControlClient,
  { advice, candidates }: LiveAdvice,
  rows: readonly SizeRow[],
  present: Live,
  ms: number,
): Promise<SizeRow[]> {
  const measured = rows.slice();
  const note = (at: number, live: Live): void => {
    measured[at] = { ...measured[at]!, receivedMpps: live.mpps, measuredHits: live.hits };
  };
  note(candidates.indexOf(advice.present), present);
  const changes = assignments(advice.changes);
  if (changes.length === 0) return measured;
  await client.run("set", ...changes);
  await sleep(SETTLE_MS);
  note(candidates.indexOf(advice.recommended), await liveRates(client, ms));
  return measured;
}

function marksOf({ advice, candidates }: LiveAdvice, rows: readonly SizeRow[]) {
  return {
    recommended: rows[candidates.indexOf(advice.recommended)]!,
    present: rows[candidates.indexOf(advice.present)]!,
  };
}

function watchedLine(pmd: PmdProfile): string {
  return `PMD ${pmd.pmd}: about ${pmd.connections} connections, one in ${pmd.sampling} sampled ${percent(pmd.onShare)} of the time (${pmd.sampled} lookups); miss ratios uncertain by ${(pmd.uncertainty * 100).toFixed(1)} points`;
}

function print(
  path: string,
  live: LiveAdvice,
  rows: readonly SizeRow[],
  present: Live,
  options: AttachOptions,
): void {
  const marks = marksOf(live, rows);
  const { advice, pmd } = live;
  if (options.json) {
    const { recommended } = marks;
    const answer = {
      switch: path,
      watched: pmd,
      live: present,
      sizes: rows,
      present: marks.present,
      recommended,
    };
    const said = { gain: advice.gain, reason: advice.reason, changes: advice.changes };
    process.stdout.write(`${JSON.stringify({ ...answer, ...said }, undefined, 2)}\n`);
    return;
  }
  const shown = shownRows(rows, marks.recommended, marks.present);
  const isApplied = options.verifyMs !== undefined && Object.keys(advice.changes).length > 0;
  const lines = [
    watchedLine(pmd),
    ...(pmd.uncertainty > UNCERTAIN ? [UNCERTAIN_LINE] : []),
    `now: ${present.mpps.toFixed(2)} Mpps received, microflow cache ${percent(present.hits.microflow)}, mask cache ${percent(present.hits.maskCache)}, masked ${percent(present.hits.masked)}`,
    "",
    "Predicted for a core that is busy, microflow cache:",
    ...sizeTable(shown.microflow, marks),
    "",
    "Mask cache:",
    ...sizeTable(shown.maskCache, marks),
    "",
    ...adviceLines(advice, (changes) => `megaflow ctl set ${changes.join(" ")} --attach ${path}`),
    ...(isApplied ? ["It is applied."] : []),
    ...(options.verifyMs === undefined ? [] : verifiedLines(marks)),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

function verifiedLines(marks: { readonly recommended: SizeRow; readonly present: SizeRow }): string[] {
  return [...new Set([marks.present, marks.recommended])].map((row) => {
    const hits = row.measuredHits;
    const measured = hits === undefined ? "not measured" : `${percent(hits.microflow)} measured`;
    return `microflow.entries=${row.microflowEntries}: microflow hits ${percent(row.hits.microflow)} predicted, ${measured}; ${row.receivedMpps?.toFixed(2) ?? "-"} Mpps received`;
  });
}

function reportOf(live: LiveAdvice, rows: readonly SizeRow[]): TuneReport {
  const { pmd, calibration, advice } = live;
  const marks = marksOf(live, rows);
  const entryBytes = microflowEntryBytes(advice.present.hits.settings["microflow.mode"]);
  return {
    title: "Cache sizes for a running switch",
    summary: [watchedLine(pmd), advice.reason],
    pictures: [
      {
        title: "Microflow cache: share of lookups that miss",
        curves: [
          {
            label: "simulated on the sample",
            points: pmd.sizes.flatMap(({ entries, missRatio }) =>
              missRatio === null ? [] : [{ entries, missRatio }],
            ),
          },
          {
            label: "perfect LRU",
            points: pmd.sizes.map(({ entries, lruMissRatio }) => ({ entries, missRatio: lruMissRatio })),
            dashed: true,
          },
        ],
        marks: [
          { entries: marks.recommended.microflowEntries, label: "recommended", strong: true },
          { entries: marks.present.microflowEntries, label: "present", strong: true },
          ...cacheBorders(calibration.caches, entryBytes),
        ],
      },
    ],
    rows,
    ...marks,
  };
}
