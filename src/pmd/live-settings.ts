// Changes the settings of PMDs while packets flow. New caches are laid out and cleared by the controller, put in
// place by commands, and the old ones given back when the PMD has acknowledged. In between a PMD does without
// the cache for some batches: slower, never wrong.

import { Command } from "../../assembly/layout/command.ts";
import { RegionId, type Setting } from "../../assembly/layout/pmd.ts";
import { isLiveSetting, parseSetting, type SettingKey, type Settings } from "../config/settings.ts";
import type { Region } from "../datapath/memory.ts";
import { cacheSizes, settingWords } from "../datapath/pmd-memory.ts";
import { MegaflowError } from "../errors.ts";
import type { Pmd } from "./pmd.ts";

/** What changing settings needs of the switch that owns the PMDs. */
export interface SettingsOwner {
  /** PMDs may be replaced at any turn of the event loop. */
  readonly pmds: readonly Pmd[];
  settings: Settings;
  /** Gives the PMDs a turn, where no thread of their own does. */
  turn(): Promise<void>;
}

/** Bytes cleared between two turns of the controller: about a millisecond. */
const CLEAR_SLICE = 4 << 20;
/** Longest that a PMD may take to acknowledge. */
const ACKNOWLEDGE_MS = 30_000;

/** What is prepared for one PMD: memory for the caches that change. */
interface Plan {
  readonly pmd: Pmd;
  /** New memory by cache; undefined = the cache is off. */
  readonly caches: Map<RegionId, { readonly region: Region | undefined; readonly bytes: number }>;
}

/** Checks changes and overlays them. Throws ConfigError, or MegaflowError `SETTING_FIXED`. */
export function changedSettings(from: Settings, changes: Partial<Settings>): Settings {
  const settings: Record<string, unknown> = { ...from };
  for (const [name, value] of Object.entries(changes)) {
    const key = name as SettingKey;
    const parsed = parseSetting(key, value);
    if (parsed !== from[key] && !isLiveSetting(key)) {
      throw new MegaflowError(
        "SETTING_FIXED",
        `setting ${key} is fixed while the switch runs: it is ${from[key]}; stop the switch and start it with ${key}=${parsed}`,
      );
    }
    settings[key] = parsed;
  }
  return settings as unknown as Settings;
}

/**
 * Gives all PMDs, those started from now on included, other settings: all or, when memory does not suffice, none.
 * Resolves when every PMD works with them and the old memory is free.
 * @throws MegaflowError `MEMORY_EXHAUSTED` with nothing changed; `PMD_STALLED` when a PMD does not answer;
 *   `SWITCH_CLOSED`.
 */
export async function applySettings(owner: SettingsOwner, to: Settings): Promise<void> {
  const plans = await prepare(owner, to);
  const from = owner.settings;
  owner.settings = to;
  const waiting = plans.map((plan) => ({ plan, ...send(plan, from, to) }));
  const deadline = performance.now() + ACKNOWLEDGE_MS;
  for (const { plan, replaced, applied } of waiting) {
    while (!isGone(plan.pmd) && !applied()) {
      if (performance.now() > deadline) {
        throw new MegaflowError(
          "PMD_STALLED",
          `PMD ${plan.pmd.index} did not take its new settings in ${ACKNOWLEDGE_MS / 1000} s`,
        );
      }
      await owner.turn();
    }
    for (const region of replaced) giveBack(plan.pmd, region);
  }
}

/** Lays out and clears new caches for every PMD; a PMD that is replaced meanwhile makes it begin again. */
async function prepare(owner: SettingsOwner, to: Settings): Promise<Plan[]> {
  for (;;) {
    const pmds = [...owner.pmds];
    if (pmds.some(isGone)) throw closed();
    const plans: Plan[] = [];
    try {
      for (const pmd of pmds) plans.push(allocate(pmd, owner.settings, to));
    } catch (error) {
      for (const plan of plans) abandon(plan);
      throw error;
    }
    for (const plan of plans) {
      for (const { region } of plan.caches.values()) if (region !== undefined) await clear(plan.pmd, region);
    }
    if (owner.pmds.some(isGone)) throw closed();
    if (owner.pmds.length === pmds.length && owner.pmds.every((pmd, i) => pmd === pmds[i])) return plans;
    for (const plan of plans) abandon(plan);
  }
}

function allocate(pmd: Pmd, from: Settings, to: Settings): Plan {
  const plan: Plan = { pmd, caches: new Map() };
  const sizes = new Map(cacheSizes(to));
  try {
    for (const [id, changed] of [
      [RegionId.MICROFLOW, differs(from, to, ["microflow.entries", "microflow.mode"])],
      [RegionId.MASK_CACHE, differs(from, to, ["maskCache.entries"])],
    ] as const) {
      if (!changed) continue;
      const bytes = sizes.get(id) ?? 0;
      const region =
        bytes === 0 ? undefined : pmd.memory.allocate(bytes, `PMD ${pmd.index}: ${RegionId[id]}`);
      if (region !== undefined) pmd.layout.owned.push(region);
      plan.caches.set(id, { region, bytes });
    }
  } catch (error) {
    abandon(plan);
    throw error;
  }
  return plan;
}

async function clear(pmd: Pmd, { base, size }: Region): Promise<void> {
  for (let at = base; at < base + size; at += CLEAR_SLICE) {
    if (isGone(pmd)) return;
    pmd.memory.u8.fill(0, at, Math.min(at + CLEAR_SLICE, base + size));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/**
 * Sends the commands in an order that is right after each of them, because a batch may come between any two: a
 * cache is off while its size and mode change.
 */
function send({ pmd, caches }: Plan, from: Settings, to: Settings) {
  const { channel, layout } = pmd;
  const replaced: Region[] = [];
  for (const id of caches.keys()) {
    channel.plain(Command.REGION, id, 0, 0);
    const old = layout.regions.get(id);
    if (old !== undefined) replaced.push(old);
    layout.regions.delete(id);
  }
  const before = settingWords(from, pmd.options);
  for (const [which, value] of settingWords(to, pmd.options)) {
    if (before.get(which) !== value) channel.plain(Command.SET, which satisfies Setting, value);
  }
  for (const [id, { region, bytes }] of caches) {
    if (region === undefined) continue;
    channel.plain(Command.REGION, id, region.base, bytes);
    layout.regions.set(id, region);
  }
  return { replaced, applied: channel.mark() };
}

function abandon({ pmd, caches }: Plan): void {
  for (const { region } of caches.values()) if (region !== undefined) giveBack(pmd, region);
}

/** Frees a region of a PMD; one that is gone has given back all that it had. */
function giveBack({ memory, layout }: Pmd, region: Region): void {
  const index = layout.owned.indexOf(region);
  if (index < 0) return;
  layout.owned.splice(index, 1);
  memory.release(region);
}

function closed(): MegaflowError {
  return new MegaflowError("SWITCH_CLOSED", "the switch is closed: its settings cannot be changed any more");
}

function isGone(pmd: Pmd): boolean {
  return pmd.layout.owned.length === 0;
}

function differs(from: Settings, to: Settings, keys: readonly SettingKey[]): boolean {
  return keys.some((key) => from[key] !== to[key]);
}
