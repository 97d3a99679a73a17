// Answers the page's server from a running switch: snapshots and the rates between them, lists of megaflows, and
// changes of settings. What costs more than a reading of counters is done for one page at a time, and seldom.

import { setTimeout as sleep } from "node:timers/promises";
import {
  isSettingKey,
  parseSetting,
  type SettingKey,
  type Settings,
  unknownSetting,
} from "../config/settings.ts";
import { MegaflowError } from "../errors.ts";
import { listMegaflows } from "../observe/megaflows.ts";
import { type PmdRates, ratesBetweenSnapshots } from "../observe/rates.ts";
import { type Snapshot, takeSnapshot } from "../observe/snapshot.ts";
import type { Switch } from "../switch.ts";
import { readCpuCaches } from "./cpu-caches.ts";
import type { Reading } from "./feed.ts";
import { liveSettings } from "./live-settings.ts";
import { metricsText } from "./metrics.ts";
import { type Curves, type Description, type Megaflows, type PmdColumn, pmdColumns } from "./shapes.ts";
import type { LiveProfiler, MegaflowQuery, PageSource } from "./source.ts";

/** What a page shows besides the switch itself. */
export interface SwitchSourceOptions {
  /** Version of the program. */
  readonly version: string;
  readonly profiler?: LiveProfiler | undefined;
}

/** A list of megaflows is good for so long. */
const LIST_KEPT_MS = 900;
/** Lists kept or waited for at once. */
const LIST_MAX = 32;
/** After a list comes a rest of so many times what it took, up to a limit. */
const LIST_REST = 3;
const LIST_REST_MAX_MS = 2000;

/** See the head of the file. */
export class SwitchSource implements PageSource {
  readonly #owner: Switch;
  readonly #options: SwitchSourceOptions;
  readonly #started = Date.now();
  readonly #cpuCaches = readCpuCaches();
  #last: Snapshot;
  #settingsText = "";
  #settingsVersion = 0;
  #lists = new Map<string, { until: number; list: Promise<Megaflows> }>();
  #listing: Promise<unknown> = Promise.resolve();

  constructor(owner: Switch, options: SwitchSourceOptions) {
    this.#owner = owner;
    this.#options = options;
    this.#last = takeSnapshot(owner);
  }

  describe(): Description {
    const { bridge, pmds, settings, cyclesPerNs, uptimeMs, timeMs } = takeSnapshot(this.#owner);
    return {
      bridge,
      version: this.#options.version,
      started: uptimeMs > 0 ? Math.round(timeMs - uptimeMs) : this.#started,
      pmds: pmds.map(({ index, core }) => ({ index, core })),
      columns: pmdColumns,
      stages: pmds[0]?.stages.map(({ stage }) => stage) ?? [],
      settings: liveSettings(settings),
      settingsVersion: this.#versionOf(settings),
      cpuCaches: this.#cpuCaches,
      cyclesPerNs,
      profiler: this.#options.profiler !== undefined,
    };
  }

  read(): Reading {
    const before = this.#last;
    const after = takeSnapshot(this.#owner);
    this.#last = after;
    const rates = ratesBetweenSnapshots(before, after);
    const drops = Object.entries(rates.total.drops).filter(([, rate]) => rate > 0);
    return {
      pmds: rates.pmds.map((pmd, i) => pmdNumbers(pmd, after.pmds[i])),
      latest: {
        ports: rates.ports.map((port, i) => ({ ...port, kind: after.ports[i]?.kind ?? "" })),
        drops: Object.fromEntries(drops),
        bypassed: after.pmds.map((pmd) => pmd.caches.microflow.bypassed),
        settingsVersion: this.#versionOf(after.settings),
      },
    };
  }

  async megaflows(query: MegaflowQuery): Promise<Megaflows> {
    const now = Date.now();
    for (const [key, { until }] of this.#lists) if (until < now) this.#lists.delete(key);
    const key = JSON.stringify(query);
    const known = this.#lists.get(key);
    if (known !== undefined) return known.list;
    if (this.#lists.size >= LIST_MAX) throw new MegaflowError("BUSY", "too many lists of megaflows at once");
    const entry = { until: Number.POSITIVE_INFINITY, list: this.#list(query) };
    this.#lists.set(key, entry);
    try {
      const list = await entry.list;
      entry.until = Date.now() + LIST_KEPT_MS;
      return list;
    } catch (error) {
      this.#lists.delete(key);
      throw error;
    }
  }

  curves(): Curves {
    return this.#options.profiler?.curves() ?? { profiling: false, note: "no profiler", curves: [] };
  }

  async changeSettings(changes: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#owner.changeSettings(checkSettings(changes));
  }

  async setProfiling(on: boolean): Promise<void> {
    if (this.#options.profiler === undefined) {
      throw new MegaflowError("NO_PROFILER", "this switch was started without a live profiler");
    }
    await this.#options.profiler.set(on);
  }

  metrics(): string {
    return metricsText(takeSnapshot(this.#owner), this.#options.version);
  }

  /** One list after the other, each followed by a rest in proportion. */
  #list(query: MegaflowQuery): Promise<Megaflows> {
    let took = 0;
    const list = this.#listing.then(async () => {
      const start = performance.now();
      const { total, matched, entries } = await listMegaflows(this.#owner, query);
      const rows = entries.map(({ ufid, pmds, match, actions, packets, bytes, usedSeconds }) => ({
        ...{ ufid, pmds, match, actions, packets, bytes, usedSeconds },
      }));
      took = performance.now() - start;
      return { time: Date.now(), total, found: matched, rows };
    });
    this.#listing = list.catch(() => {}).then(() => sleep(Math.min(took * LIST_REST, LIST_REST_MAX_MS)));
    return list;
  }

  /** A number that changes whenever a setting has, by whomever it was changed. */
  #versionOf(settings: Settings): number {
    const text = JSON.stringify(settings);
    if (text !== this.#settingsText) {
      this.#settingsText = text;
      this.#settingsVersion++;
    }
    return this.#settingsVersion;
  }
}

function pmdNumbers(rates: PmdRates, held: { megaflows: number; masks: number } | undefined): number[] {
  const level = (share: number): number => share * rates.lookups;
  const numbers: Record<PmdColumn, number> = {
    rate: rates.rxPackets,
    busy: rates.busyShare ?? -1,
    cycles: rates.cyclesPerPacket ?? 0,
    microflow: level(rates.hits.microflow),
    maskCache: level(rates.hits.maskCache),
    masked: level(rates.hits.masked),
    upcall: level(rates.hits.upcall),
    masksPerLookup: rates.masksPerLookup,
    upcalls: rates.upcalls,
    upcallsLost: rates.upcallsLost,
    dropped: rates.dropped,
    megaflows: held?.megaflows ?? 0,
    masks: held?.masks ?? 0,
  };
  return [...pmdColumns.map((column) => numbers[column]), ...rates.stages.map((stage) => stage.cycles)];
}

function checkSettings(changes: Readonly<Record<string, unknown>>): Partial<Settings> {
  const checked: Partial<Record<SettingKey, string | number>> = {};
  for (const [key, value] of Object.entries(changes)) {
    if (!isSettingKey(key)) throw unknownSetting(key);
    checked[key] = parseSetting(key, value);
  }
  return checked as Partial<Settings>;
}
