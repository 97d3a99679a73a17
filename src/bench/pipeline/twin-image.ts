// A prepared PMD as two files: the memory image before the datapath has run, and the commands it gets.
import { closeSync, openSync, writeSync } from "node:fs";
import { REGION_BASE } from "../../../assembly/layout/memory-map.ts";
import { RegionId } from "../../../assembly/layout/pmd.ts";
import { RingReader } from "../../datapath/ring.ts";
import { type PipelineInput, PreparedPmd } from "./prepared-pmd.ts";

/** Pages that hold nothing but zeros are left out, in steps of this size. */
const STEP = 64 * 1024;

/** Writes the image and the commands; returns the address of the PMD's control block. */
export function writeTwinImage(input: PipelineInput, imagePath: string, commandsPath: string): number {
  const commands = openSync(commandsPath, "w");
  let reader: RingReader | undefined;
  const drain = (pmd: PreparedPmd) => {
    reader ??= new RingReader(pmd.memory, pmd.region(RegionId.COMMAND_RING));
    reader.drain((record) => {
      writeSync(commands, pmd.memory.u8.slice(record, record + pmd.memory.u32[record >>> 2]!));
    });
  };
  try {
    const pmd = new PreparedPmd(input, drain);
    drain(pmd);
    writeImage(pmd, imagePath);
    return pmd.layout.control;
  } finally {
    closeSync(commands);
  }
}

/** Pieces of {address u32, length u32, bytes}. The command ring is left empty. */
function writeImage(pmd: PreparedPmd, path: string): void {
  const { memory } = pmd;
  const commandRing = pmd.layout.regions.get(RegionId.COMMAND_RING)!;
  const file = openSync(path, "w");
  try {
    for (let at = 0; at < REGION_BASE + memory.allocated; at += STEP) {
      if (at >= commandRing.base + STEP && at < commandRing.base + commandRing.size) continue;
      const words = memory.u32.subarray(at >>> 2, (at + STEP) >>> 2);
      if (!words.some((word) => word !== 0)) continue;
      const head = Uint32Array.of(at, STEP);
      writeSync(file, new Uint8Array(head.buffer));
      writeSync(file, memory.u8.slice(at, at + STEP));
    }
  } finally {
    closeSync(file);
  }
}
