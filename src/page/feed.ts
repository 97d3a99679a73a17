// Takes a sample at a steady interval, keeps the last quarter of an hour as text, and tells whoever listens. Bounded
// all round: so many samples, so many listeners, and who does not keep up misses some and is told by the numbers.

import type { ServerResponse } from "node:http";
import type { Latest, Sample } from "./shapes.ts";

/** Time between two samples. */
export const SAMPLE_INTERVAL_MS = 1000;
/** Samples kept: 15 minutes. */
export const HISTORY_LENGTH = 900;
/** Pages that may listen at once. */
export const LISTENER_MAX = 16;
/** A listener with so much unsent gets no more until it has read some. */
const UNSENT_MAX_BYTES = 256 * 1024;

/** What one reading says. */
export interface Reading {
  readonly pmds: readonly (readonly number[])[];
  readonly latest: Latest;
}

/** See the head of the file. */
export class Feed {
  readonly #read: () => Reading;
  readonly #kept: string[] = [];
  readonly #listeners = new Set<ServerResponse>();
  readonly #timer: NodeJS.Timeout;
  #seq = 0;
  #lastEvent = "";

  /** Begins at once; `read` says what happened since it was last called. */
  constructor(read: () => Reading) {
    this.#read = read;
    read();
    this.#timer = setInterval(() => this.#take(), SAMPLE_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Pages that listen. */
  get listenerCount(): number {
    return this.#listeners.size;
  }

  /** The history as JSON, piece by piece, so that nobody has to hold it whole. */
  *historyJson(): Generator<string> {
    yield `{"intervalMs":${SAMPLE_INTERVAL_MS},"samples":[`;
    const kept = [...this.#kept];
    for (let i = 0; i < kept.length; i += PIECE)
      yield (i === 0 ? "" : ",") + kept.slice(i, i + PIECE).join(",");
    yield "]}";
  }

  /** Sends every sample from now on, the last one first, until the response closes. Returns false when there are too many listeners. */
  listen(response: ServerResponse): boolean {
    if (this.#listeners.size >= LISTENER_MAX) return false;
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    response.write(`retry: ${SAMPLE_INTERVAL_MS}\n\n${this.#lastEvent}`);
    this.#listeners.add(response);
    response.on("close", () => this.#listeners.delete(response));
    return true;
  }

  /** Stops, and ends every listener's response. */
  close(): void {
    clearInterval(this.#timer);
    for (const response of this.#listeners) response.end();
    this.#listeners.clear();
  }

  #take(): void {
    const { pmds, latest } = this.#read();
    const sample: Sample = { seq: ++this.#seq, time: Date.now(), pmds: pmds.map((row) => row.map(short)) };
    const text = JSON.stringify(sample);
    this.#kept.push(text);
    if (this.#kept.length > HISTORY_LENGTH) this.#kept.shift();
    this.#lastEvent = `event: sample\ndata: {"sample":${text},"latest":${JSON.stringify(latest, shortNumbers)}}\n\n`;
    for (const response of this.#listeners) {
      if (response.writableLength < UNSENT_MAX_BYTES) response.write(this.#lastEvent);
    }
  }
}

/** Samples in a piece of the history. */
const PIECE = 100;

function shortNumbers(_key: string, value: unknown): unknown {
  return typeof value === "number" ? short(value) : value;
}

/** Five digits are more than a chart can show. */
function short(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(5));
}
