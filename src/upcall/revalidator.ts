// Keeps megaflows true and few: after a change it looks again at those that the change can touch, twice a
// second it reads their statistics and takes out the idle ones and the rules whose time is over, at the flow
// limit it makes room. All of it in slices, between which the controller answers upcalls.

import type { Bridge } from "../xlate/bridge.ts";
import type { BridgeChanges, RuleRemoval } from "../xlate/changes.ts";
import { ChangeFilter } from "./change-filter.ts";
import { ChangeRound } from "./change-round.ts";
import { Eviction } from "./eviction.ts";
import { FlowLimit } from "./flow-limit.ts";
import type { UpcallHandler } from "./handler.ts";
import { isOver, type Slice } from "./pass.ts";
import { Reinstallation } from "./reinstallation.ts";
import { RevalidatorCounters, type RevalidatorStats } from "./revalidator-stats.ts";
import { RuleExpiry } from "./rule-expiry.ts";
import type { RulesInUse } from "./rules-in-use.ts";
import { SliceWatch } from "./slice-watch.ts";
import { Sweep } from "./sweep.ts";

/** Settings that matter here; they may change while the switch runs. */
interface RevalidatorSettings {
  readonly flowLimit: number;
  readonly maxIdleMs: number;
  /** Time between the starts of two sweeps. */
  readonly revalidateMs: number;
}

/** What the revalidator needs of the switch. */
export interface RevalidatorOptions {
  readonly bridge: Bridge;
  /** Handlers of the PMDs that are there now. */
  readonly handlers: () => readonly UpcallHandler[];
  readonly rulesInUse: RulesInUse;
  readonly nowMs: () => number;
  readonly settings: () => RevalidatorSettings;
  /** Told of rules that are gone, when their statistics are complete. */
  readonly ruleRemoved: (removal: RuleRemoval) => void;
  /** Called now and then: registries forget what nobody uses any more. */
  readonly sweepRegistries: () => void;
}

/** A round whose commands PMDs have still to apply. */
interface Fence {
  readonly sinceMs: number;
  readonly tokens: readonly { readonly handler: UpcallHandler; readonly token: number }[];
  readonly removals: readonly RuleRemoval[];
}

/** A sweep takes at most this share of the controller's time. */
const SWEEP_SHARE = 0.1;
/** Rounds for learned addresses alone take at most this share, unless somebody waits for them. */
const LEARNING_SHARE = 0.25;
/** Time between two looks at the registries. */
const REGISTRIES_MS = 5000;

/** See the head of the file. */
export class Revalidator {
  readonly counters = new RevalidatorCounters();
  readonly watch = new SliceWatch();
  readonly #options: RevalidatorOptions;
  readonly #limit: FlowLimit;
  #round:
    | { readonly work: ChangeRound; readonly changes: BridgeChanges; readonly sinceMs: number }
    | undefined;
  readonly #fences: Fence[] = [];
  /** Rounds begun, and rounds whose fence every PMD has passed. */
  #begun = 0;
  #settled = 0;
  #waiters: { readonly round: number; readonly resolve: () => void }[] = [];
  #sweep: Sweep | undefined;
  #expiry: RuleExpiry | undefined;
  #eviction: Eviction | undefined;
  #reinstallations: Reinstallation[] = [];
  /** Refusals already answered by making room, by PMD. */
  readonly #refused = new WeakMap<UpcallHandler, number>();
  #roundEndedMs = 0;
  #roundMs = 0;
  #sweptMs = 0;
  #pauseMs = 0;
  #registriesMs = 0;

  constructor(options: RevalidatorOptions) {
    this.#options = options;
    this.#limit = new FlowLimit(() => options.settings().flowLimit);
  }

  /** Works until the slice is over; returns whether there is more to do at once. */
  turn(slice: Slice): boolean {
    const { watch } = this;
    watch.begin();
    const handlers = this.#options.handlers();
    for (const { channel } of handlers) channel.cork();
    const more = this.#work(slice);
    watch.now("commands");
    for (const { channel } of handlers) channel.uncork();
    watch.now("telling listeners");
    this.#passFences();
    watch.end();
    return more;
  }

  /** Applies the effects of all packets so far, without waiting for the next sweep; returns whether there were any. */
  refreshEffects(): boolean {
    let refreshed = false;
    for (const handler of this.#options.handlers()) {
      if (handler.effectCount === 0) continue;
      for (const ukey of handler.ukeys.values()) if (handler.refresh(ukey)) refreshed = true;
    }
    return refreshed;
  }

  /** Whether a sweep is due. */
  get isSweepDue(): boolean {
    return (
      this.#options.nowMs() - this.#sweptMs >= Math.max(this.#options.settings().revalidateMs, this.#pauseMs)
    );
  }

  /** Whether a change has not reached every megaflow yet. */
  get isRevalidating(): boolean {
    return this.#round !== undefined || this.#fences.length > 0 || !this.#options.bridge.changes.empty;
  }

  /** Resolves when every PMD has acknowledged the last command that changes made up to now have caused. */
  settled(): Promise<void> {
    const round = this.#begun + (this.#options.bridge.changes.empty ? 0 : 1);
    if (round <= this.#settled) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ round, resolve }));
  }

  /** Nobody works any more: whoever waits need not. */
  close(): void {
    for (const waiter of this.#waiters.splice(0)) waiter.resolve();
  }

  /** A PMD died: what it had goes into the one that takes its place, as far as it is true still. */
  replace(dead: UpcallHandler, successor: UpcallHandler): void {
    this.#reinstallations = this.#reinstallations.filter(({ to }) => to !== dead);
    this.#reinstallations.push(new Reinstallation(dead, successor));
  }

  /** Takes all megaflows out. */
  flush(): void {
    for (const handler of this.#options.handlers()) {
      for (const ukey of handler.ukeys.values()) {
        if (ukey.state !== "live") continue;
        this.counters.removed.flush++;
        handler.remove(ukey);
      }
    }
  }

  stats(): RevalidatorStats {
    const { counters } = this;
    const handlers = this.#options.handlers();
    const { examined, retranslated, changed, rounds, sweeps, evictions, effectsRefreshed } = counters;
    return {
      megaflows: handlers.reduce((sum, handler) => sum + handler.ukeys.size, 0),
      ...this.#limit.report(handlers),
      maxIdleMs: this.#options.settings().maxIdleMs,
      revalidating: this.isRevalidating,
      refused: handlers.reduce((sum, handler) => sum + handler.counters.refused, 0),
      noMemory: handlers.reduce((sum, handler) => sum + handler.counters.noMemory, 0),
      ...{ rounds, examined, retranslated, changed, sweeps, evictions, effectsRefreshed },
      removed: { ...counters.removed },
      rulesRemoved: { ...counters.rulesRemoved },
      dumpUs: counters.dumpUs.report(),
      roundUs: counters.roundUs.report(),
      settleUs: counters.settleUs.report(),
      sliceUs: this.watch.sliceUs.report(),
      sliceRanUs: this.watch.ranUs.report(),
      longestSlice: this.watch.longest,
      busiestSlice: this.watch.busiest,
      ageMs: counters.ageMs.report(),
    };
  }

  #work(slice: Slice): boolean {
    this.#setLimits();
    while (!isOver(slice)) {
      if (this.#round !== undefined || this.#isRoundDue(slice)) {
        // While only PMDs' answers are missing there is nothing to do at once.
        if (!this.#workRound(slice)) return !this.#round!.work.waiting;
      } else if (!this.#workReinstallation(slice) || !this.#workEviction(slice)) return true;
      else if (this.#sweep !== undefined || this.#expiry !== undefined || this.isSweepDue) {
        this.#sweep ??= this.#expiry === undefined ? this.#newSweep() : undefined;
        if (!this.#workSweep(slice)) return true;
      } else return false;
    }
    return true;
  }

  #workRound(slice: Slice): boolean {
    const handlers = this.#options.handlers();
    this.watch.now("choosing");
    this.#round ??= this.#newRound();
    this.watch.now("translating");
    const { work, changes, sinceMs } = this.#round;
    if (!work.run(handlers, slice)) return false;
    this.#round = undefined;
    this.#roundEndedMs = performance.now();
    this.#roundMs = work.workMs;
    this.counters.rounds++;
    this.counters.roundUs.add(work.workMs * 1000);
    this.#limit.measured(work.retranslated, work.megaflowsMs);
    const tokens = handlers.map((handler) => ({ handler, token: handler.channel.lastToken }));
    this.#fences.push({ sinceMs, tokens, removals: changes.removed });
    return true;
  }

  /** Learning goes on all the time: it must not keep the controller from answering upcalls. */
  #isRoundDue({ deadline }: Slice): boolean {
    const { changes } = this.#options.bridge;
    // Rules whose time is over go in pieces: one round for them all.
    if (changes.empty || this.#expiry !== undefined) return false;
    if (!changes.onlyMacs || this.#waiters.length > 0 || deadline === Number.POSITIVE_INFINITY) return true;
    return performance.now() - this.#roundEndedMs >= this.#roundMs / LEARNING_SHARE;
  }

  #newRound() {
    const { bridge } = this.#options;
    const changes = bridge.takeChanges();
    this.#begun++;
    const filter = new ChangeFilter(bridge, changes, this.#options.rulesInUse);
    const work = new ChangeRound(filter, this.counters, this.#options.handlers());
    return { work, changes, sinceMs: performance.now() };
  }

  /** Rounds that every PMD has carried out: whoever waits for them hears of it, and so do listeners to rules. */
  #passFences(): void {
    const handlers = this.#options.handlers();
    for (let fence = this.#fences[0]; fence !== undefined; fence = this.#fences[0]) {
      const open = fence.tokens.some(
        ({ handler, token }) => handlers.includes(handler) && !handler.hasAcknowledged(token),
      );
      if (open) return;
      this.#fences.shift();
      this.#settled++;
      this.counters.settleUs.add((performance.now() - fence.sinceMs) * 1000);
      for (const removal of fence.removals) {
        this.counters.rulesRemoved[removal.reason]++;
        this.#options.ruleRemoved(removal);
      }
      const done = this.#waiters.filter((waiter) => waiter.round <= this.#settled);
      this.#waiters = this.#waiters.filter((waiter) => waiter.round > this.#settled);
      for (const waiter of done) waiter.resolve();
    }
  }

  #newSweep(): Sweep {
    const startMs = this.#options.nowMs();
    this.#sweptMs = startMs;
    return new Sweep(startMs, this.#options.settings().maxIdleMs, this.counters);
  }

  /** The sweep, and behind it the rules whose time is over. */
  #workSweep(slice: Slice): boolean {
    const { bridge, nowMs } = this.#options;
    this.watch.now("reading statistics");
    if (this.#sweep !== undefined) {
      if (!this.#sweep.run(this.#options.handlers(), slice)) return false;
      const { startMs, workMs } = this.#sweep;
      this.#sweep = undefined;
      this.counters.sweeps++;
      this.counters.dumpUs.add(workMs * 1000);
      this.#pauseMs = slice.deadline === Number.POSITIVE_INFINITY ? 0 : workMs / SWEEP_SHARE;
      this.#expiry = new RuleExpiry(bridge, startMs);
      bridge.macs.expire(nowMs());
      this.watch.now("sweeping registries");
      this.#sweepRegistries();
    }
    this.watch.now("expiring rules");
    if (this.#expiry !== undefined && !this.#expiry.run(slice)) return false;
    this.#expiry = undefined;
    return true;
  }

  #sweepRegistries(): void {
    const now = this.#options.nowMs();
    if (now - this.#registriesMs < REGISTRIES_MS) return;
    this.#registriesMs = now;
    this.#options.sweepRegistries();
  }

  #workReinstallation(slice: Slice): boolean {
    this.watch.now("reinstalling");
    for (let one = this.#reinstallations[0]; one !== undefined; one = this.#reinstallations[0]) {
      if (this.#options.handlers().includes(one.to) && !one.run(slice)) return false;
      this.#reinstallations.shift();
    }
    return true;
  }

  /** Makes room where a miss was refused since the last time. */
  #workEviction(slice: Slice): boolean {
    if (this.#eviction !== undefined && !this.#options.handlers().includes(this.#eviction.handler)) {
      this.#eviction = undefined;
    }
    this.#eviction ??= this.#newEviction();
    if (this.#eviction === undefined) return true;
    this.watch.now("making room");
    if (!this.#eviction.run(slice)) return false;
    const { handler } = this.#eviction;
    this.#refused.set(handler, handler.counters.refused);
    this.#eviction = undefined;
    this.counters.evictions++;
    return true;
  }

  #newEviction(): Eviction | undefined {
    const crowded = this.#options
      .handlers()
      .find(
        (handler) =>
          handler.counters.refused > (this.#refused.get(handler) ?? 0) &&
          handler.ukeys.size >= handler.flowLimit,
      );
    if (crowded === undefined) return undefined;
    return new Eviction(crowded, crowded.flowLimit, this.#options.nowMs(), this.counters);
  }

  #setLimits(): void {
    const handlers = this.#options.handlers();
    for (const handler of handlers) handler.flowLimit = this.#limit.limitOf(handler, handlers.length);
  }
}
