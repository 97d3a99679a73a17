// The worker that translates: batches of keys by message, answered with objects, or by shared memory, answered
// with numbers. Tells its processor time when it is asked to end.
import { parentPort, workerData } from "node:worker_threads";
import { threadClock } from "../../src/upcall/thread-clock.ts";
import { ANSWER_WORDS, ANSWERED, ANSWERS, COUNT, Desk, KEY_WORDS, KEYS, REQUESTED } from "./desk.ts";

const { rules, shared } = workerData as { rules: string; shared: SharedArrayBuffer | null };
const desk = new Desk(rules);
const clock = threadClock();

function answerMessage(keys: Uint32Array): void {
  const answers = [];
  for (let from = 0; from < keys.length; from += KEY_WORDS) {
    const { actions, mask, dropReason, rules: hit, missedTables, macTag } = desk.translate(keys, from);
    const numbers = hit.map((rule) => desk.number(rule));
    answers.push({ actions, mask: mask.slice(), dropReason, rules: numbers, missedTables, macTag });
  }
  parentPort!.postMessage(answers);
}

function serveShared(memory: SharedArrayBuffer): void {
  const words = new Int32Array(memory);
  const data = new Uint32Array(memory);
  for (let seen = 0; ; seen++) {
    Atomics.wait(words, REQUESTED, seen);
    const count = Atomics.load(words, COUNT);
    if (count < 0) return;
    for (let i = 0; i < count; i++) {
      desk.write(desk.translate(data, KEYS + i * KEY_WORDS), data, ANSWERS + i * ANSWER_WORDS);
    }
    Atomics.store(words, ANSWERED, seen + 1);
    Atomics.notify(words, ANSWERED);
  }
}

function end(): void {
  clock.read();
  parentPort!.postMessage({ ranMs: clock.ranMs - startMs });
}

clock.read();
const startMs = clock.ranMs;
parentPort!.postMessage("ready");
if (shared === null) {
  parentPort!.on("message", (keys: Uint32Array | null) => {
    if (keys !== null) answerMessage(keys);
    else {
      end();
      parentPort!.close();
    }
  });
} else {
  serveShared(shared);
  end();
}
