// A switch on the calling thread: one PMD, turned by hand. Every packet is settled before the next, so that
// a replay is deterministic.

import { PACKET_MAX } from "../assembly/layout/limits.ts";
import { RegionId } from "../assembly/layout/pmd.ts";
import {
  RX_RECORD,
  RX_RECORD_DATA,
  RX_RECORD_LENGTH,
  RX_RECORD_SEQUENCE,
  RxqKind,
  TX_RECORD_DATA,
  TX_RECORD_LENGTH,
  TX_RECORD_PORT,
  TX_RECORD_SEQUENCE,
} from "../assembly/layout/port.ts";
import type { LookupLevel } from "../assembly/layout/stat.ts";
import {
  TRACE_LEVEL,
  TRACE_SEQUENCE,
  TRACE_VALUE,
  TRACE_VISITED,
  TraceKind,
} from "../assembly/layout/upcall.ts";
import { RingReader, RingWriter, ringInit } from "./datapath/ring.ts";
import { MegaflowError } from "./errors.ts";
import type { OdpPort } from "./odp/action.ts";
import { type OfPort, odpPortToOf, ofPortToOdp } from "./openflow/port.ts";
import { InlineRunner } from "./pmd/inline-runner.ts";
import type { Pmd } from "./pmd/pmd.ts";
import { type PortOptions, Switch, type SwitchOptions } from "./switch.ts";
import type { PacketIn } from "./upcall/handler.ts";

/** One pass of a packet through the lookup. */
export interface Lookup {
  readonly recircId: number;
  readonly level: LookupLevel;
  readonly masksVisited: number;
}

/** What became of one packet. */
export interface PacketFate {
  /** Copies sent, in order; the bytes are the caller's. */
  readonly sent: { readonly port: OfPort; readonly bytes: Uint8Array }[];
  readonly packetIns: PacketIn[];
  readonly lookups: Lookup[];
  /** DropReason, or undefined when somebody got it. */
  readonly dropped: number | undefined;
}

interface MutableFate {
  sent: { port: OfPort; bytes: Uint8Array }[];
  packetIns: PacketIn[];
  lookups: Lookup[];
  dropped: number | undefined;
}

const RX_RING_BYTES = 1 << 20;

/** See the head of the file. */
export class InlineSwitch extends Switch {
  readonly #pmd: Pmd;
  readonly #runner: InlineRunner;
  readonly #rx = new Map<OfPort, RingWriter>();
  readonly #trace: RingReader | undefined;
  #sequence = 0;
  #fates = new Map<number, MutableFate>();

  constructor(options: SwitchOptions) {
    const packetIns: { take: (packet: PacketIn) => void } = { take: () => {} };
    super({ ...options, packetIn: (packet) => packetIns.take(packet) });
    packetIns.take = (packet) => {
      this.#fates.get(packet.sequence)?.packetIns.push(packet);
      options.packetIn?.(packet);
    };
    this.#pmd = this.createPmd(0);
    this.pmds.push(this.#pmd);
    this.#runner = new InlineRunner(this.#pmd, this.revalidator);
    const trace = this.#pmd.layout.regions.get(RegionId.TRACE_RING);
    this.#trace = trace === undefined ? undefined : new RingReader(this.memory, trace.base);
  }

  /** Adds a port that `send` can feed. */
  override addPort(port: PortOptions): void {
    super.addPort(port);
    const region = this.memory.allocate(RX_RING_BYTES, `port ${port.number}: receive ring`);
    ringInit(this.memory, region);
    this.#rx.set(port.number, new RingWriter(this.memory, region.base));
    const odp = ofPortToOdp(port.number) as number;
    this.#pmd.addRxq([RxqKind.RING, odp, region.base, 0, 0, 0, 0, 0]);
    this.#runner.settle();
  }

  /** Sends packets, as one burst, into ports of the switch and settles them; tells what became of each. */
  sendBurst(
    packets: readonly { readonly port: OfPort; readonly bytes: Uint8Array; readonly wireLength?: number }[],
  ): PacketFate[] {
    const first = this.#sequence + 1;
    for (const packet of packets)
      this.#queue(packet.port, packet.bytes, packet.wireLength ?? packet.bytes.length);
    this.settle();
    const fates: PacketFate[] = [];
    for (let i = 0; i < packets.length; i++) fates.push(this.#fates.get(first + i) as PacketFate);
    this.#fates = new Map();
    return fates;
  }

  /** Sends one packet and settles it. */
  send(port: OfPort, bytes: Uint8Array): PacketFate {
    return this.sendBurst([{ port, bytes }])[0] as PacketFate;
  }

  /** Sets the clock, which otherwise stands still. */
  setClock(ms: number): void {
    this.nowMs = ms;
    this.#runner.clockMs = ms;
    if (this.revalidator.isSweepDue) this.settle();
  }

  /** Works until nothing is left to do. */
  settle(): void {
    this.#runner.settle();
    this.#pmd.tx.drain((record) => this.#collectSent(record));
    this.#trace?.drain((record, kind) => this.#collectTrace(record, kind));
  }

  protected override async turn(): Promise<void> {
    this.settle();
  }

  protected override changed(): void {
    this.settle();
  }

  /** Ends the switch. */
  async close(): Promise<void> {
    await this.#runner.stop();
    this.revalidator.close();
    this.#pmd.release();
  }

  #queue(port: OfPort, bytes: Uint8Array, wireLength: number): void {
    const ring = this.#rx.get(port);
    if (ring === undefined) throw new MegaflowError("NO_PORT", `there is no port ${port}`);
    this.#sequence++;
    this.#fates.set(this.#sequence, { sent: [], packetIns: [], lookups: [], dropped: undefined });
    const { u32, u8 } = this.memory;
    // A packet that cannot be carried needs no bytes: its length alone condemns it.
    const length =
      bytes.length > PACKET_MAX || wireLength > PACKET_MAX
        ? Math.max(bytes.length, wireLength)
        : bytes.length;
    const carried = length > PACKET_MAX ? bytes.subarray(0, 0) : bytes;
    const record = this.#room(ring, RX_RECORD_DATA + carried.length);
    u32[(record + RX_RECORD_SEQUENCE) >>> 2] = this.#sequence;
    u32[(record + RX_RECORD_LENGTH) >>> 2] = length;
    u8.set(carried, record + RX_RECORD_DATA);
    ring.commit();
  }

  #room(ring: RingWriter, bytes: number): number {
    let record = ring.reserve(bytes, RX_RECORD);
    while (record === 0) {
      this.settle();
      record = ring.reserve(bytes, RX_RECORD);
    }
    return record;
  }

  #collectSent(record: number): void {
    const { u32, u8 } = this.memory;
    const fate = this.#fates.get(u32[(record + TX_RECORD_SEQUENCE) >>> 2]!);
    if (fate === undefined) return;
    const data = record + TX_RECORD_DATA;
    fate.sent.push({
      port: odpPortToOf(u32[(record + TX_RECORD_PORT) >>> 2]! as OdpPort),
      bytes: u8.slice(data, data + u32[(record + TX_RECORD_LENGTH) >>> 2]!),
    });
  }

  #collectTrace(record: number, kind: number): void {
    const { u32 } = this.memory;
    const fate = this.#fates.get(u32[(record + TRACE_SEQUENCE) >>> 2]!);
    if (fate === undefined) return;
    const value = u32[(record + TRACE_VALUE) >>> 2]!;
    if (kind === TraceKind.DROP) {
      fate.dropped = value;
      return;
    }
    fate.lookups.push({
      recircId: value,
      level: u32[(record + TRACE_LEVEL) >>> 2]! as LookupLevel,
      masksVisited: u32[(record + TRACE_VISITED) >>> 2]!,
    });
  }
}
