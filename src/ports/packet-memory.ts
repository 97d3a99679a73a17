// The packet memory that all PMDs of a switch share, so that a packet moves from one port to another without a
// copy: equal slices of frames, one a PMD, a table of who has which frame, and the rings between PMDs.

import { FRAME_SIZE } from "../../assembly/layout/frame.ts";
import {
  PAIR_DATA,
  PAIR_ENTRY_SIZE,
  PAIR_HEAD,
  PAIR_MASK,
  PAIR_OWN,
  PEER_CONTROL,
  PEER_HOME_IN,
  PEER_PASS_IN,
  PEER_PASS_OUT,
  PEER_SIZE,
  PEERS_COUNT,
  PEERS_HOMES,
  PEERS_OWNERS,
  PEERS_RECORDS,
  PEERS_SIZE,
  PEERS_SLICE_SIZE,
  PEERS_SLICES,
  PEERS_UMEM,
} from "../../assembly/layout/peer.ts";
import { Arena, type Region, type SwitchMemory } from "../datapath/memory.ts";
import { MegaflowError } from "../errors.ts";

/** Packets that may be on their way from one PMD to another. */
const PASS_ENTRIES = 4096;
/** Slices more than PMDs: a PMD that is started anew takes one while its old frames come out of the kernel. */
const SPARE_SLICES = 1;

/** What a PMD gets of it. */
export interface PacketMemoryShare {
  readonly frames: Region;
  readonly peers: Region;
}

/** See the head of the file. */
export class PacketMemory {
  /** All slices. */
  readonly umem: Region;
  readonly #memory: SwitchMemory;
  readonly #pmds: number;
  readonly #frames: number;
  readonly #slices: number;
  readonly #owners: Region;
  readonly #peers: Region[];
  /** Rings from the first PMD to the second, by `from * pmds + to`. */
  readonly #pass: number[] = [];
  readonly #home: number[] = [];
  /** Slice of each PMD. */
  readonly #sliceOf: number[] = [];

  /** `frames` is the number of small frames of each PMD. */
  constructor(memory: SwitchMemory, pmds: number, frames: number) {
    this.#memory = memory;
    this.#pmds = pmds;
    this.#frames = frames;
    this.#slices = pmds + SPARE_SLICES;
    this.umem = memory.allocate(this.#slices * this.#sliceSize, "packet memory");
    const homeEntries = 2 ** Math.ceil(Math.log2(frames + 1));
    const ringBytes = (entries: number): number => PAIR_DATA + entries * PAIR_ENTRY_SIZE + 4096;
    const pairs = pmds * (pmds - 1);
    const ownersBytes = this.#slices * frames * 2;
    const arena = new Arena(
      memory.allocate(
        ownersBytes +
          pmds * (PEERS_SIZE + 4096) +
          pairs * (ringBytes(PASS_ENTRIES) + ringBytes(homeEntries)) +
          8192,
        "rings between PMDs",
      ),
    );
    this.#owners = arena.take(ownersBytes);
    memory.u8.fill(0, this.#owners.base, this.#owners.base + ownersBytes);
    const ring = (entries: number): number => {
      const { base } = arena.take(PAIR_DATA + entries * PAIR_ENTRY_SIZE);
      memory.u8.fill(0, base, base + PAIR_DATA);
      memory.u32[(base + PAIR_MASK) / 4] = entries - 1;
      return base;
    };
    for (let from = 0; from < pmds; from++) {
      for (let to = 0; to < pmds; to++) {
        this.#pass.push(from === to ? 0 : ring(PASS_ENTRIES));
        this.#home.push(from === to ? 0 : ring(homeEntries));
      }
    }
    this.#peers = Array.from({ length: pmds }, () => arena.take(PEERS_SIZE));
  }

  /** Gives a PMD that is about to start a slice of its own. */
  share(pmd: number): PacketMemoryShare {
    const before = this.#sliceOf[pmd];
    this.#sliceOf[pmd] = before === undefined ? pmd : this.#freeSlice();
    for (let other = 0; other < this.#pmds; other++) {
      if (other === pmd) continue;
      // What the PMD before had not shown yet may be half written.
      for (const ring of [this.#pass[pmd * this.#pmds + other]!, this.#home[pmd * this.#pmds + other]!]) {
        this.#memory.u32[(ring + PAIR_OWN) / 4] = this.#memory.u32[(ring + PAIR_HEAD) / 4]!;
      }
    }
    for (let other = 0; other < this.#pmds; other++) this.#writePeers(other);
    return { frames: this.#slice(this.#sliceOf[pmd]), peers: this.#peers[pmd]! };
  }

  /** Tells all PMDs where a PMD's control block is. */
  introduce(pmd: number, control: number): void {
    for (const peers of this.#peers) {
      Atomics.store(
        this.#memory.u32,
        (peers.base + PEERS_RECORDS + pmd * PEER_SIZE + PEER_CONTROL) / 4,
        control,
      );
    }
  }

  /** Ring by which the first PMD passes packets to the second. */
  passRing(from: number, to: number): number {
    return this.#pass[from * this.#pmds + to]!;
  }

  /** Takes from a closed queue what it had: frames by the PMD whose slice they are of. */
  reclaim(queue: number): Map<number, number[]> {
    const found = new Map<number, number[]>();
    const owners = this.#memory.u16.subarray(
      this.#owners.base / 2,
      this.#owners.base / 2 + this.#slices * this.#frames,
    );
    for (let at = owners.indexOf(queue); at >= 0; at = owners.indexOf(queue, at + 1)) {
      owners[at] = 0;
      const pmd = this.#sliceOf.indexOf(Math.floor(at / this.#frames));
      if (pmd < 0) continue;
      const list = found.get(pmd) ?? [];
      list.push(this.umem.base + at * FRAME_SIZE);
      found.set(pmd, list);
    }
    return found;
  }

  get #sliceSize(): number {
    return this.#frames * FRAME_SIZE;
  }

  #slice(index: number): Region {
    return { base: this.umem.base + index * this.#sliceSize, size: this.#sliceSize };
  }

  #freeSlice(): number {
    for (let slice = 0; slice < this.#slices; slice++) {
      if (this.#sliceOf.includes(slice)) continue;
      const start = this.#owners.base / 2 + slice * this.#frames;
      if (this.#memory.u16.subarray(start, start + this.#frames).every((queue) => queue === 0)) return slice;
    }
    throw new MegaflowError(
      "MEMORY_EXHAUSTED",
      "a PMD cannot be started anew: the kernel still holds frames of the one before; restart the switch",
    );
  }

  #writePeers(pmd: number): void {
    const { u32 } = this.#memory;
    const { base } = this.#peers[pmd]!;
    const set = (offset: number, value: number): void => {
      Atomics.store(u32, (base + offset) / 4, value);
    };
    set(PEERS_UMEM, this.umem.base);
    set(PEERS_SLICE_SIZE, this.#sliceSize);
    set(PEERS_OWNERS, this.#owners.base);
    for (let slice = 0; slice < this.#slices; slice++) {
      const home = this.#sliceOf.indexOf(slice);
      set(PEERS_HOMES + slice * 4, home < 0 || home === pmd ? 0 : this.#home[pmd * this.#pmds + home]!);
    }
    set(PEERS_SLICES, this.#slices);
    for (let other = 0; other < this.#pmds; other++) {
      const record = PEERS_RECORDS + other * PEER_SIZE;
      set(record + PEER_PASS_OUT, this.#pass[pmd * this.#pmds + other]!);
      set(record + PEER_PASS_IN, this.#pass[other * this.#pmds + pmd]!);
      set(record + PEER_HOME_IN, this.#home[other * this.#pmds + pmd]!);
    }
    set(PEERS_COUNT, this.#pmds);
  }
}
