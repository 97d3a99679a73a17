// The profiler's thread: drains the sample rings of all PMDs and computes their miss-ratio curves, so that
// neither a PMD nor the controller spends time on it.

import { parentPort, workerData } from "node:worker_threads";
import { SwitchMemory } from "../datapath/memory.ts";
import { RingReader } from "../datapath/ring.ts";
import { LiveCurves, type LivePolicy, type MissRatioCurves } from "./live-curves.ts";
import { LookupCollector } from "./lookups.ts";

/** What it is told: where a PMD's ring is, which share of its connections is in it, and how the caches work. */
export interface ProfileOrder {
  readonly pmd: number;
  readonly ring: number;
  readonly sampling: number;
  readonly policy: LivePolicy;
}

/** What it tells once a second, for every PMD. */
export interface ProfileNews {
  readonly pmd: number;
  readonly curves: MissRatioCurves;
}

interface Source {
  readonly reader: RingReader;
  readonly curves: LiveCurves;
  news: boolean;
}

/** Time between two looks at the rings: they hold several times what a PMD writes in it. */
const LOOK_MS = 20;
const TELL_MS = 1000;
/** Lookups that go through the simulations together. */
const CHUNK = 4096;

const memory = new SwitchMemory((workerData as { memory: WebAssembly.Memory }).memory);
const sources = new Map<number, Source>();

parentPort!.on("message", (order: ProfileOrder) => {
  const reader = new RingReader(memory, order.ring);
  sources.set(order.pmd, { reader, curves: new LiveCurves(order.sampling, order.policy), news: false });
});
setInterval(() => {
  for (const source of sources.values()) drain(source);
}, LOOK_MS);
setInterval(() => {
  for (const [pmd, source] of sources) {
    if (!source.news) continue;
    source.news = false;
    const news: ProfileNews = { pmd, curves: source.curves.curves() };
    parentPort!.postMessage(news);
  }
}, TELL_MS);

function drain(source: Source): void {
  let collector = new LookupCollector(CHUNK);
  const hand = (): void => {
    if (collector.count === 0) return;
    source.curves.add(collector.lookups());
    source.news = true;
    collector = new LookupCollector(CHUNK);
  };
  source.reader.drain((record) => {
    collector.add(memory.u32, record);
    if (collector.count >= CHUNK) hand();
  });
  hand();
}
