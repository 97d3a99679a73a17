// A switch of which a test says what happens next: packets into a port, turns of the PMD, upcalls answered.
// What threads do by chance, a test does on purpose.

import {
  RX_RECORD,
  RX_RECORD_DATA,
  RX_RECORD_LENGTH,
  RX_RECORD_SEQUENCE,
  RxqKind,
  TX_RECORD_DATA,
  TX_RECORD_LENGTH,
  TX_RECORD_PORT,
} from "../../assembly/layout/port.ts";
import { defaultSettings, type Settings } from "../../src/config/settings.ts";
import { RingWriter, ringInit } from "../../src/datapath/ring.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { InlineRunner } from "../../src/pmd/inline-runner.ts";
import type { Pmd } from "../../src/pmd/pmd.ts";
import { Switch, type SwitchOptions } from "../../src/switch.ts";

/** A packet that was sent. */
export interface SentPacket {
  readonly port: number;
  readonly bytes: Uint8Array;
}

const RX_RING_BYTES = 1 << 20;
const PORTS = 4;

/** See the head of the file. Ports 1 to 4. */
export class SteppedSwitch extends Switch {
  readonly pmd: Pmd;
  readonly #runner: InlineRunner;
  readonly #rx = new Map<number, RingWriter>();
  /** Packets put into ports. */
  received = 0;

  constructor(settings: Partial<Settings> = {}, options: Partial<SwitchOptions> = {}) {
    super({ settings: { ...defaultSettings, ...settings }, seed: 1n, ...options });
    this.pmd = this.createPmd(0);
    this.pmds.push(this.pmd);
    this.#runner = new InlineRunner(this.pmd, this.revalidator);
    for (let port = 1; port <= PORTS; port++) {
      this.addPort({ number: port as OfPort, name: `p${port}`, transmit: "ring" });
      const region = this.memory.allocate(RX_RING_BYTES, "receive ring");
      ringInit(this.memory, region);
      this.#rx.set(port, new RingWriter(this.memory, region.base));
      this.pmd.addRxq([RxqKind.RING, port, region.base, 0, 0, 0, 0, 0]);
    }
    this.settle();
  }

  /** Puts a packet into a port's receive queue; false when that is full. */
  put(port: number, bytes: Uint8Array): boolean {
    const ring = this.#rx.get(port) as RingWriter;
    const record = ring.reserve(RX_RECORD_DATA + bytes.length, RX_RECORD);
    if (record === 0) return false;
    this.memory.u32[(record + RX_RECORD_SEQUENCE) >>> 2] = 0;
    this.memory.u32[(record + RX_RECORD_LENGTH) >>> 2] = bytes.length;
    this.memory.u8.set(bytes, record + RX_RECORD_DATA);
    ring.commit();
    this.received++;
    return true;
  }

  /** Turns of the PMD. */
  poll(turns = 1): number {
    return this.#runner.datapath.poll(turns, this.nowMs);
  }

  /** Answers up to `most` upcalls. */
  answer(most?: number): number {
    return this.pmd.handler.drain(most);
  }

  /** Lets the revalidator work until it has looked at the clock so many times. */
  turnRevalidator(looks: number): void {
    let left = looks;
    this.revalidator.turn({
      get deadline() {
        return left-- > 0 ? Number.POSITIVE_INFINITY : 0;
      },
    });
  }

  setClock(ms: number): void {
    this.nowMs = ms;
    this.#runner.clockMs = ms;
  }

  settle(): void {
    this.#runner.settle();
  }

  /** What was sent since the last time, in order. */
  takeSent(): SentPacket[] {
    const sent: SentPacket[] = [];
    this.pmd.tx.drain((record) => {
      const { u32, u8 } = this.memory;
      const data = record + TX_RECORD_DATA;
      sent.push({
        port: u32[(record + TX_RECORD_PORT) >>> 2] as number,
        bytes: u8.slice(data, data + (u32[(record + TX_RECORD_LENGTH) >>> 2] as number)),
      });
    });
    return sent;
  }
}
