// The captures that a replay writes: one a port, with the time stamps of the input.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { CaptureWriter } from "../netdev/pcap/writer.ts";
import type { OutputReport } from "./engine.ts";
import { type PortRange, portName } from "./ports.ts";
import type { InputPacket } from "./replay-input.ts";

/** One capture a port, all of them there from the start, so that no file of an earlier replay is left. */
export class ReplayOutput {
  readonly #writers = new Map<number, CaptureWriter>();

  /** Creates the folder and the files. Throws the file system's error. */
  constructor(folder: string, ports: PortRange, nanosecond: boolean) {
    mkdirSync(folder, { recursive: true });
    for (const port of ports.numbers) {
      this.#writers.set(port, new CaptureWriter(join(folder, `${portName(port)}.pcap`), { nanosecond }));
    }
  }

  /** Writes the copies of one packet. */
  write(input: InputPacket, copies: readonly OutputReport[]): void {
    const cut = input.wireLength - input.bytes.length;
    for (const { port, bytes } of copies) {
      const writer = this.#writers.get(port);
      writer?.writeAt(input.seconds, input.nanoseconds, bytes, bytes.length + cut);
    }
  }

  /** Writes out what is left. Throws the file system's error. */
  close(): void {
    for (const writer of this.#writers.values()) writer.close();
  }
}
