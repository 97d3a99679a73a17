// What translating in a worker would save the controller's thread, and what crossing to it and back costs: the same
// upcalls translated here, in a worker by message, and in a worker by shared memory.
//
//   npm run bench:translation-worker -- [--flows 20000] [--rounds 5] [--out NAME]
//
// Writes NAME.json and NAME.md, by default bench/results/translation-worker. Time is processor time, but for the
// round trip. A shared answer names mask, actions and rules by number: what a protocol has to do besides, to tell
// new ones and to keep both sides' rules in step, is not in it.

import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { readEnvironment } from "../../src/bench/environment.ts";
import { FrameStore } from "../../src/bench/pipeline/frame-store.ts";
import { markdownTable } from "../../src/bench/report/table.ts";
import { defaultSettings } from "../../src/config/settings.ts";
import { InlineSwitch } from "../../src/inline-switch.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { projectFile } from "../../src/project.ts";
import { threadClock } from "../../src/upcall/thread-clock.ts";
import type { Translation } from "../../src/xlate/translation.ts";
import { exactSpec, stormRules } from "../storm/rig.ts";
import {
  ANSWER_WORDS,
  ANSWERED,
  ANSWERS,
  BATCH_MAX,
  COUNT,
  Desk,
  KEY_WORDS,
  KEYS,
  REQUESTED,
  SHARED_BYTES,
} from "./desk.ts";

/** One way to translate; microseconds an upcall. */
interface Way {
  readonly way: "here" | "by message" | "by shared memory";
  readonly tables: number;
  readonly batch: number;
  readonly controllerUs: number;
  readonly workerUs: number;
  /** Least of a tenth of the round trips, in microseconds of the clock. */
  readonly roundTripUs: number;
}

interface Options {
  readonly flows: number;
  readonly rounds: number;
}

const clock = threadClock();
let sink = 0;

function ranMs(): number {
  clock.read();
  return clock.ranMs;
}

/** Keys of as many connections, KEY_WORDS each. */
async function keysOf(flows: number): Promise<Uint32Array> {
  const sw = new InlineSwitch({ settings: { ...defaultSettings, flowLimit: 1 << 20 }, seed: 1n });
  for (const number of [1, 2]) sw.addPort({ number: number as OfPort, name: `p${number}`, transmit: "null" });
  sw.enableMegaflows(false);
  const keys: number[] = [];
  for (const bytes of FrameStore.ofWorkload(exactSpec(flows)).packets()) sw.send(1 as OfPort, bytes);
  for (const ukey of sw.megaflows()) for (let i = 0; i < KEY_WORDS; i++) keys.push(ukey.key[i]!);
  await sw.close();
  return Uint32Array.from(keys);
}

function here(rules: string, tables: number, keys: Uint32Array, { rounds }: Options): Way {
  const desk = new Desk(rules);
  const round = () => {
    for (let at = 0; at < keys.length; at += KEY_WORDS) sink += desk.take(desk.translate(keys, at));
  };
  round();
  const start = ranMs();
  for (let i = 0; i < rounds; i++) round();
  const controllerUs = ((ranMs() - start) * 1000) / (rounds * (keys.length / KEY_WORDS));
  return { way: "here", tables, batch: 1, controllerUs, workerUs: 0, roundTripUs: Number.NaN };
}

async function startWorker(rules: string, shared: SharedArrayBuffer | null): Promise<Worker> {
  const [tsx, file] = [import.meta.resolve("tsx/esm/api"), import.meta.resolve("./worker.ts")];
  const starter = `import("${tsx}").then(({ register }) => { register(); return import("${file}"); });`;
  const worker = new Worker(starter, { workerData: { rules, shared }, eval: true });
  await next(worker);
  return worker;
}

async function next<T>(worker: Worker): Promise<T> {
  const [answer] = (await once(worker, "message")) as [T];
  return answer;
}

async function across(
  way: Way["way"],
  tables: number,
  batch: number,
  keys: Uint32Array,
  ask: (from: number, end: number) => Promise<void>,
  end: () => Promise<number>,
  rounds: number,
): Promise<Way> {
  const trips: number[] = [];
  const step = batch * KEY_WORDS;
  const round = async () => {
    for (let from = 0; from < keys.length; from += step) {
      const sent = performance.now();
      await ask(from, Math.min(keys.length, from + step));
      trips.push((performance.now() - sent) * 1000);
    }
  };
  await round();
  trips.length = 0;
  const start = ranMs();
  for (let i = 0; i < rounds; i++) await round();
  const upcalls = keys.length / KEY_WORDS;
  const controllerUs = ((ranMs() - start) * 1000) / (rounds * upcalls);
  const workerUs = ((await end()) * 1000) / ((rounds + 1) * upcalls);
  trips.sort((a, b) => a - b);
  return { way, tables, batch, controllerUs, workerUs, roundTripUs: trips[Math.floor(trips.length / 10)]! };
}

async function byMessage(rules: string, tables: number, batch: number, keys: Uint32Array, options: Options) {
  const worker = await startWorker(rules, null);
  const desk = new Desk("");
  const ask = async (from: number, end: number) => {
    const some = keys.slice(from, end);
    worker.postMessage(some, [some.buffer]);
    const answers = await next<Translation[]>(worker);
    for (const { actions, mask, dropReason } of answers) {
      sink += desk.take({ actions, mask, dropReason, recircIds: [], cookies: [] });
    }
  };
  const end = async () => {
    worker.postMessage(null);
    return (await next<{ ranMs: number }>(worker)).ranMs;
  };
  return await across("by message", tables, batch, keys, ask, end, options.rounds);
}

async function byMemory(rules: string, tables: number, batch: number, keys: Uint32Array, options: Options) {
  const shared = new SharedArrayBuffer(SHARED_BYTES);
  const words = new Int32Array(shared);
  const data = new Uint32Array(shared);
  const worker = await startWorker(rules, shared);
  const request = (count: number) => {
    Atomics.store(words, COUNT, count);
    Atomics.add(words, REQUESTED, 1);
    Atomics.notify(words, REQUESTED);
  };
  const ask = async (from: number, end: number) => {
    data.set(keys.subarray(from, end), KEYS);
    const answered = Atomics.load(words, ANSWERED);
    const count = (end - from) / KEY_WORDS;
    request(count);
    const waiting = Atomics.waitAsync(words, ANSWERED, answered);
    if (waiting.async) await waiting.value;
    for (let i = 0, at = ANSWERS; i < count; i++, at += ANSWER_WORDS) {
      for (let word = 0; word < 5 + data[at + 4]!; word++) sink += data[at + word]!;
    }
  };
  const end = async () => {
    const told = next<{ ranMs: number }>(worker);
    request(-1);
    return (await told).ranMs;
  };
  return await across("by shared memory", tables, batch, keys, ask, end, options.rounds);
}

function report(ways: readonly Way[]): string {
  const environment = readEnvironment();
  const us = (value: number) => (Number.isNaN(value) ? "" : value.toFixed(1));
  const lines = [
    "# Translation in a worker",
    "",
    "Made by `npm run bench:translation-worker`: microseconds of processor time an upcall, of the controller's thread and of the",
    "worker's; and a round trip by the clock, the time that nine in ten exceed.",
    "",
    ...markdownTable({
      titles: ["tables", "translated", "upcalls a batch", "controller us", "worker us", "round trip us"],
      rows: ways.map((one) => [
        String(one.tables),
        one.way,
        String(one.batch),
        us(one.controllerUs),
        us(one.workerUs),
        us(one.roundTripUs),
      ]),
    }),
    "",
    `${environment.cpu}, ${environment.cores} cores; ${environment.kernel}; Node ${environment.node}; ${environment.date}; load ${environment.load.toFixed(1)}`,
  ];
  return `${lines.join("\n")}\n`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      flows: { type: "string", default: "20000" },
      rounds: { type: "string", default: "5" },
      out: { type: "string" },
    },
  });
  const options = { flows: Number(values.flows), rounds: Number(values.rounds) };
  const keys = await keysOf(options.flows);
  const ways: Way[] = [];
  for (const tables of [1, 8]) {
    const rules = stormRules(exactSpec(options.flows), tables);
    ways.push(here(rules, tables, keys, options));
    for (const batch of [1, 16, BATCH_MAX]) {
      process.stderr.write(`${tables} tables, batches of ${batch}\n`);
      const fewer = batch === 1 ? { ...options, rounds: 1 } : options;
      ways.push(await byMessage(rules, tables, batch, keys, fewer));
      ways.push(await byMemory(rules, tables, batch, keys, fewer));
    }
  }
  const out = values.out ?? projectFile("bench/results/translation-worker");
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(`${out}.json`, `${JSON.stringify({ ways, environment: readEnvironment(), sink })}\n`);
  writeFileSync(`${out}.md`, report(ways));
  process.stdout.write(report(ways));
}

await main();
