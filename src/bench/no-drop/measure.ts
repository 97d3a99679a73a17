// The no-drop rate between two real interfaces, one frame size after the other.

import { setTimeout as sleep } from "node:timers/promises";
import type { NativeAddon } from "../../native.ts";
import { type FrameSize, planFrames } from "./frame-plan.ts";
import { Generator, type Outlet } from "./generator.ts";
import { receivedFrames } from "./link-counter.ts";
import { type SearchResult, searchNoDrop, type Trial } from "./search.ts";

/** What the trials are like. */
export interface NoDropPlan {
  readonly tx: Outlet;
  readonly rx: Outlet;
  readonly sizes: readonly FrameSize[];
  readonly connections: number;
  readonly destination: string;
  readonly trialSeconds: number;
  /** Frames a second; undefined: what the generator reaches. */
  readonly maxRate: number | undefined;
  readonly resolution: number;
  readonly lossLimit: number;
  readonly onTrial?: (size: FrameSize, trial: Trial) => void;
}

/** The result for one size of frame. */
export interface NoDropResult extends SearchResult {
  readonly size: FrameSize;
  /** Bits a second on the wire, with preamble, FCS and gap: 24 bytes a frame. */
  readonly wireBitsPerSecond: number;
  /** Frames a second that come in without us: loss below that cannot be told. */
  readonly foreign: number;
}

/** Frames that are still under way when the generator ends, in ms (RFC 2544 says two seconds; a switch holds none that long). */
const SETTLE_MS = 300;
const WARM_UP_RATE = 20_000;
const WARM_UP_SECONDS = 0.3;
const FLAT_OUT_SECONDS = 0.5;
const WIRE_OVERHEAD = 24;

/** Searches for every size. */
export async function measureNoDrop(native: NativeAddon, plan: NoDropPlan): Promise<NoDropResult[]> {
  const foreign = await foreignRate(plan);
  const results: NoDropResult[] = [];
  for (const size of plan.sizes) {
    const frames = planFrames(size, plan.connections, plan.destination);
    const generator = new Generator(native, plan.tx, frames);
    try {
      // The first packets make megaflows; they are no part of a trial.
      generator.offer(WARM_UP_RATE, WARM_UP_SECONDS);
      await sleep(SETTLE_MS);
      const maxRate = plan.maxRate ?? (await flatOut(generator));
      const found = await searchNoDrop({ ...plan, maxRate }, async (rate) => {
        const trial = await runTrial(generator, plan, rate);
        plan.onTrial?.(size, trial);
        return trial;
      });
      const wireBitsPerSecond = found.rate * (frames.meanLength + WIRE_OVERHEAD) * 8;
      results.push({ size, ...found, wireBitsPerSecond, foreign });
    } finally {
      generator.close();
    }
  }
  return results;
}

async function runTrial(generator: Generator, plan: NoDropPlan, rate: number): Promise<Trial> {
  const { dev, netns } = plan.rx;
  const before = receivedFrames(dev, netns);
  const { sent, seconds } = generator.offer(rate, plan.trialSeconds);
  await sleep(SETTLE_MS);
  const delivered = Math.min(sent, receivedFrames(dev, netns) - before);
  return { rate, offered: sent / seconds, sent, delivered, loss: sent === 0 ? 0 : 1 - delivered / sent };
}

async function flatOut(generator: Generator): Promise<number> {
  const { sent, seconds } = generator.offer(Number.POSITIVE_INFINITY, FLAT_OUT_SECONDS);
  await sleep(SETTLE_MS);
  return sent / seconds;
}

async function foreignRate({ rx }: NoDropPlan): Promise<number> {
  const before = receivedFrames(rx.dev, rx.netns);
  await sleep(SETTLE_MS);
  return ((receivedFrames(rx.dev, rx.netns) - before) * 1000) / SETTLE_MS;
}
