// The controller's face of one PMD: commands go into its command ring, upcalls and replies come out of its
// upcall ring. Memory that a command needs (slabs, larger tables) is found before the command is sent.

import {
  ANSWER_PENDING,
  ANSWER_PROGRAM,
  COMMAND_TOKEN,
  Command,
  EXECUTE_DATA,
  EXECUTE_IN_PORT,
  EXECUTE_LENGTH,
  EXECUTE_PROGRAM,
  EXECUTE_SEQUENCE,
  FLOW_COMMAND_COOKIE,
  FLOW_COMMAND_FLOW,
  FLOW_COMMAND_PROGRAM,
  OPERAND0,
  OPERAND1,
  OPERAND2,
  PUT_BYTES,
  PUT_COOKIE,
  PUT_LANE_NUMBERS,
  PUT_LANES,
  PUT_PENDING,
  PUT_PROGRAM,
  PUT_UFID,
  RECORD_COMMAND_DATA,
  RECORD_COMMAND_INDEX,
} from "../../assembly/layout/command.ts";
import { PMD_CLOCK, PMD_SIGNAL, PMD_SLEEPING, RegionId } from "../../assembly/layout/pmd.ts";
import { MegaflowError } from "../errors.ts";
import type { SwitchMemory } from "./memory.ts";
import { PmdCapacity } from "./pmd-capacity.ts";
import type { PmdMemory } from "./pmd-memory.ts";
import { RingReader, RingWriter } from "./ring.ts";

/** A megaflow as it goes into a PMD. */
export interface FlowPut {
  /** Upcall that it answers; 0 = none. */
  readonly pending: number;
  /** The controller's number for the flow. */
  readonly cookie: number;
  /** Four words. */
  readonly ufid: Uint32Array;
  readonly lanes: readonly number[];
  /** KEY_WORD_COUNT words each; only the lanes are read, and the key is masked on the way. */
  readonly mask: Uint32Array;
  readonly key: Uint32Array;
  /** [words][actions ...] */
  readonly program: Uint32Array;
}

/** Sends commands and reads what comes back. */
export class PmdChannel {
  readonly memory: SwitchMemory;
  readonly control: number;
  readonly upcalls: RingReader;
  readonly capacity: PmdCapacity;
  private readonly commands: RingWriter;
  private token = 1;
  /** Ends the PMD's sleep, where it can wait in the kernel. */
  wake: () => void = () => {};
  private corked = false;
  /** Something went out that the PMD was not told of. */
  private unsaid = false;
  /** Called when the ring is full: makes the PMD work it off (inline), or waits for it to. */
  private readonly relieve: () => void;

  constructor(memory: SwitchMemory, pmd: PmdMemory, relieve: () => void) {
    this.memory = memory;
    this.control = pmd.control;
    this.relieve = relieve;
    this.upcalls = new RingReader(memory, pmd.regions.get(RegionId.UPCALL_RING)!.base);
    this.commands = new RingWriter(memory, pmd.regions.get(RegionId.COMMAND_RING)!.base);
    this.capacity = new PmdCapacity(memory, pmd, (kind, a, b, c) => this.plain(kind, a, b, c));
  }

  /** Whether the PMD has applied everything that was sent. */
  get idle(): boolean {
    return this.commands.empty;
  }

  /** Returns a question: has the PMD applied all that has been sent until now? */
  mark(): () => boolean {
    return this.commands.mark();
  }

  /** Token of the command sent last; replies come in the order of the commands. */
  get lastToken(): number {
    return this.token;
  }

  /** Bytes free in the command ring. */
  get room(): number {
    return this.commands.free;
  }

  /** Milliseconds since the switch started, as the PMD saw them last. */
  get clock(): number {
    return Atomics.load(this.memory.u32, (this.control + PMD_CLOCK) / 4);
  }

  /** Installs a megaflow for which capacity.reserveFlow has made room; the reply to the returned token carries status and address. */
  putFlow(flow: FlowPut): number {
    const laneBytes = flow.lanes.length * 16;
    const programAt = PUT_BYTES + 2 * laneBytes;
    const record = this.open(Command.FLOW_PUT, programAt + flow.program.length * 4);
    const { u32, u8 } = this.memory;
    u32[(record + PUT_PENDING) >>> 2] = flow.pending;
    u32[(record + PUT_COOKIE) >>> 2] = flow.cookie;
    u32.set(flow.ufid, (record + PUT_UFID) >>> 2);
    u32[(record + PUT_LANES) >>> 2] = flow.lanes.length;
    u32[(record + PUT_PROGRAM) >>> 2] = programAt;
    let maskAt = (record + PUT_BYTES) >>> 2;
    let keyAt = maskAt + (laneBytes >>> 2);
    for (let i = 0; i < flow.lanes.length; i++) {
      const lane = flow.lanes[i]!;
      u8[record + PUT_LANE_NUMBERS + i] = lane;
      for (let word = lane * 4; word < lane * 4 + 4; word++) {
        u32[maskAt++] = flow.mask[word]!;
        u32[keyAt++] = flow.key[word]! & flow.mask[word]!;
      }
    }
    u32.set(flow.program, (record + programAt) >>> 2);
    return this.send();
  }

  /** Removes a megaflow; the reply carries its final counters. */
  deleteFlow(flow: number, cookie: number): number {
    const record = this.open(Command.FLOW_DEL, FLOW_COMMAND_PROGRAM);
    this.memory.u32[(record + FLOW_COMMAND_FLOW) >>> 2] = flow;
    this.memory.u32[(record + FLOW_COMMAND_COOKIE) >>> 2] = cookie;
    return this.send();
  }

  /** Gives a megaflow other actions, for which capacity.reserveProgram has made room. */
  modifyFlow(flow: number, cookie: number, program: Uint32Array): number {
    const record = this.open(Command.FLOW_MOD, FLOW_COMMAND_PROGRAM + program.length * 4);
    this.memory.u32[(record + FLOW_COMMAND_FLOW) >>> 2] = flow;
    this.memory.u32[(record + FLOW_COMMAND_COOKIE) >>> 2] = cookie;
    this.memory.u32.set(program, (record + FLOW_COMMAND_PROGRAM) >>> 2);
    return this.send();
  }

  /** Lets an upcall's packets go without installing anything. */
  answer(pending: number, program: Uint32Array): number {
    const record = this.open(Command.ANSWER, ANSWER_PROGRAM + program.length * 4);
    this.memory.u32[(record + ANSWER_PENDING) >>> 2] = pending;
    this.memory.u32.set(program, (record + ANSWER_PROGRAM) >>> 2);
    return this.send();
  }

  /** Runs actions on a packet of the controller's own. */
  execute(inPort: number, packet: Uint8Array, program: Uint32Array, sequence = 0): number {
    const dataAt = EXECUTE_PROGRAM + program.length * 4;
    const record = this.open(Command.EXECUTE, dataAt + packet.length);
    const { u32, u8 } = this.memory;
    u32[(record + EXECUTE_IN_PORT) >>> 2] = inPort;
    u32[(record + EXECUTE_LENGTH) >>> 2] = packet.length;
    u32[(record + EXECUTE_SEQUENCE) >>> 2] = sequence;
    u32[(record + EXECUTE_DATA) >>> 2] = dataAt;
    u32.set(program, (record + EXECUTE_PROGRAM) >>> 2);
    u8.set(packet, record + dataAt);
    return this.send();
  }

  /** A port's or queue's record (words from the record's start), or frames and how many. */
  record(kind: Command.PORT | Command.RXQ | Command.FRAMES, index: number, words: readonly number[]): number {
    const record = this.open(kind, RECORD_COMMAND_DATA + words.length * 4);
    this.memory.u32[(record + RECORD_COMMAND_INDEX) >>> 2] = index;
    this.memory.u32.set(words, (record + RECORD_COMMAND_DATA) >>> 2);
    return this.send();
  }

  /** Any command of up to three operands. */
  plain(kind: Command, a = 0, b = 0, c = 0): number {
    const record = this.open(kind, OPERAND2 + 4);
    this.memory.u32[(record + OPERAND0) >>> 2] = a;
    this.memory.u32[(record + OPERAND1) >>> 2] = b;
    this.memory.u32[(record + OPERAND2) >>> 2] = c;
    return this.send();
  }

  private open(kind: Command, bytes: number): number {
    let record = this.commands.reserve(bytes, kind);
    for (let attempt = 0; record === 0; attempt++) {
      if (attempt === 10_000) {
        throw new MegaflowError(
          "PMD_STALLED",
          "the PMD takes no commands: its ring has been full for too long",
        );
      }
      this.signal();
      this.relieve();
      record = this.commands.reserve(bytes, kind);
    }
    this.token = (this.token + 1) >>> 0 || 1;
    this.memory.u32[(record + COMMAND_TOKEN) >>> 2] = this.token;
    return record;
  }

  /** From here on commands go out without waking the PMD, which most likely is at work anyway. */
  cork(): void {
    this.corked = true;
  }

  /** The PMD is to look at what has been sent meanwhile. */
  uncork(): void {
    this.corked = false;
    if (this.unsaid) this.signal();
  }

  private send(): number {
    this.commands.commit();
    if (this.corked) this.unsaid = true;
    else this.signal();
    return this.token;
  }

  private signal(): void {
    this.unsaid = false;
    const signal = (this.control + PMD_SIGNAL) / 4;
    Atomics.store(this.memory.i32, signal, 1);
    Atomics.notify(this.memory.i32, signal);
    if (Atomics.load(this.memory.i32, (this.control + PMD_SLEEPING) / 4) !== 0) this.wake();
  }
}
