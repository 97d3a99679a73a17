// Room for megaflows: slabs of records, memory for programs and the two hash tables grow ahead of need, so
// that a PMD never waits for memory and a packet never pays for it.

import { ACTION_OPCODE_MASK, Action } from "../../assembly/layout/action.ts";
import { Command, TableId } from "../../assembly/layout/command.ts";
import {
  FLOW_CLASS0_LANES,
  FLOW_CLASS0_SIZE,
  FLOW_CLASS1_LANES,
  FLOW_CLASS1_SIZE,
  FLOW_CLASS2_SIZE,
} from "../../assembly/layout/flow.ts";
import {
  TABLE_BASE,
  TABLE_BUCKET_SIZE,
  TABLE_BUCKET_WAYS,
  TABLE_OLD_BASE,
} from "../../assembly/layout/hash-table.ts";
import { PMD_FLOW_TABLE, PMD_UFID_TABLE, RegionId, SLAB_CLASS_PROGRAMS } from "../../assembly/layout/pmd.ts";
import type { Region, SwitchMemory } from "./memory.ts";
import type { PmdMemory } from "./pmd-memory.ts";

const SLAB_BYTES = 2 << 20;
const classSizes = [FLOW_CLASS0_SIZE, FLOW_CLASS1_SIZE, FLOW_CLASS2_SIZE];
/** Blocks of program memory: a header, and powers of two from 32 bytes up (assembly/classifier/programs.ts). */
const PROGRAM_HEADER = 16;
const BLOCK_LOG_MIN = 5;
/** Block of a program that needs no memory: a single output lies in the flow's own record. */
const NO_BLOCK = 0;
/** In place of a block: linear memory is full. */
export const NO_ROOM = -1;
/** Share of a table's places that may be taken when there is no memory for a larger one. */
const FULL_SHARE = 0.75;

type SendPlain = (kind: Command, a: number, b: number, c: number) => void;

interface TableState {
  readonly id: TableId;
  readonly descriptor: number;
  region: Region;
  buckets: number;
  /** Memory that is being emptied. */
  old: Region | null;
}

/** Class of the record that holds so many lanes. */
export function flowClass(lanes: number): number {
  return lanes <= FLOW_CLASS0_LANES ? 0 : lanes <= FLOW_CLASS1_LANES ? 1 : 2;
}

/** Counts what a PMD's flows use and adds memory before it runs out. */
export class PmdCapacity {
  private readonly memory: SwitchMemory;
  private readonly pmd: PmdMemory;
  private readonly send: SendPlain;
  private readonly slots = [0, 0, 0];
  private readonly used = [0, 0, 0];
  private programBytes: number;
  /** Blocks given back, by the logarithm of their size. */
  private readonly freeBlocks: number[] = [];
  private readonly tables: TableState[];

  constructor(memory: SwitchMemory, pmd: PmdMemory, send: SendPlain) {
    this.memory = memory;
    this.pmd = pmd;
    this.send = send;
    this.programBytes = pmd.regions.get(RegionId.PROGRAMS)!.size - 4096;
    this.tables = [
      this.table(TableId.FLOWS, PMD_FLOW_TABLE, RegionId.FLOW_TABLE),
      this.table(TableId.UFIDS, PMD_UFID_TABLE, RegionId.UFID_TABLE),
    ];
  }

  /** Flows that were put and not yet released. */
  get flows(): number {
    return this.used[0]! + this.used[1]! + this.used[2]!;
  }

  /** Makes room for one more flow of so many lanes; returns the block its program takes, or NO_ROOM. */
  reserveFlow(lanes: number, program: Uint32Array): number {
    const which = flowClass(lanes);
    if (this.used[which]! >= this.slots[which]! && !this.addSlab(which)) return NO_ROOM;
    for (const table of this.tables) if (!this.growTable(table)) return NO_ROOM;
    const block = this.reserveProgram(program);
    if (block !== NO_ROOM) this.used[which]!++;
    return block;
  }

  /** A flow is gone, or was not installed after all. */
  releaseFlow(lanes: number, block: number): void {
    this.used[flowClass(lanes)]!--;
    this.releaseProgram(block);
  }

  /** Makes room for a program; returns the block it takes, or NO_ROOM. */
  reserveProgram(program: Uint32Array): number {
    if (program.length <= 3 && (program[0] === 0 || (program[1]! & ACTION_OPCODE_MASK) === Action.OUTPUT)) {
      return NO_BLOCK;
    }
    let log = BLOCK_LOG_MIN;
    while (1 << log < program.length * 4 + PROGRAM_HEADER) log++;
    const free = this.freeBlocks[log] ?? 0;
    if (free > 0) {
      this.freeBlocks[log] = free - 1;
      return log;
    }
    if (this.programBytes < 1 << log) {
      const region = this.own(SLAB_BYTES);
      if (region === undefined) return NO_ROOM;
      this.send(Command.SLAB, SLAB_CLASS_PROGRAMS, region.base, region.size);
      this.programBytes = region.size;
    }
    this.programBytes -= 1 << log;
    return log;
  }

  /** A program is no longer in use. */
  releaseProgram(block: number): void {
    if (block !== NO_BLOCK) this.freeBlocks[block] = (this.freeBlocks[block] ?? 0) + 1;
  }

  /** Whether there was memory for it. */
  private addSlab(which: number): boolean {
    const region = this.own(SLAB_BYTES);
    if (region === undefined) return false;
    this.memory.u8.fill(0, region.base, region.base + region.size);
    this.send(Command.SLAB, which, region.base, region.size);
    this.slots[which]! += Math.floor(region.size / classSizes[which]!);
    return true;
  }

  /**
   * Doubles a table that one more flow makes more than half full, and frees what the last doubling has emptied;
   * returns whether there is room in it.
   */
  private growTable(table: TableState): boolean {
    if (table.old !== null && this.moved(table)) {
      this.memory.release(table.old);
      this.pmd.owned.splice(this.pmd.owned.indexOf(table.old), 1);
      table.old = null;
    }
    const places = table.buckets * TABLE_BUCKET_WAYS;
    if ((this.flows + 1) * 2 <= places || table.old !== null) return true;
    const larger = this.own(table.buckets * 2 * TABLE_BUCKET_SIZE);
    if (larger === undefined) return this.flows < places * FULL_SHARE;
    table.old = table.region;
    table.buckets *= 2;
    table.region = larger;
    this.send(Command.TABLE, table.id, table.region.base, table.buckets);
    return true;
  }

  /** Whether the PMD has switched to the table's present memory and emptied the one before. */
  private moved(table: TableState): boolean {
    const word = (offset: number): number =>
      Atomics.load(this.memory.u32, (this.pmd.control + table.descriptor + offset) / 4);
    return word(TABLE_BASE) === table.region.base && word(TABLE_OLD_BASE) === 0;
  }

  /** Memory that is given back when the PMD ends (see releaseAll), where there is any. */
  private own(bytes: number): Region | undefined {
    const region = this.memory.allocateIfFree(bytes);
    if (region !== undefined) this.pmd.owned.push(region);
    return region;
  }

  private table(id: TableId, descriptor: number, region: RegionId): TableState {
    const first = this.pmd.regions.get(region)!;
    return { id, descriptor, region: first, buckets: first.size / TABLE_BUCKET_SIZE, old: null };
  }
}
