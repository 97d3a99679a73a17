// PMDs as commands name them: by the CPU that they are pinned to, or by their number where they are not.

import { readdirSync } from "node:fs";
import { parseCount } from "../config/number.ts";
import { type ControlContext, ControlError } from "./command.ts";

/** Returns the number that a PMD goes by in commands. */
export function pmdCore({ owner }: ControlContext, index: number): number {
  const core = owner.coreOf(index);
  return core >= 0 ? core : index;
}

/** Returns the index of the PMD that a text names. Throws ControlError. */
export function findPmd(context: ControlContext, text: string): number {
  const core = parseCount(text);
  const found = context.owner.pmds.find((pmd) => pmdCore(context, pmd.index) === core);
  if (found !== undefined) return found.index;
  const known = context.owner.pmds.map((pmd) => pmdCore(context, pmd.index)).join(", ");
  throw new ControlError(`no PMD on core ${text}: the PMDs are on ${known}`);
}

/** `pmd on cpu core: 3`, as dump-flows has it. */
export function threadName(context: ControlContext, index: number): string {
  return isThread(context, index) ? `pmd on cpu core: ${pmdCore(context, index)}` : "the main thread";
}

/** `pmd thread numa_id 0 core_id 3:`, as the commands of dpif-netdev have it. */
export function threadHeader(context: ControlContext, index: number): string {
  if (!isThread(context, index)) return "main thread:";
  const core = pmdCore(context, index);
  return `pmd thread numa_id ${numaNode(core)} core_id ${core}:`;
}

function isThread({ owner }: ControlContext, index: number): boolean {
  return owner.isThreaded || owner.coreOf(index) >= 0;
}

/** NUMA node of a CPU; 0 where the system does not say. */
function numaNode(core: number): number {
  try {
    const node = readdirSync(`/sys/devices/system/cpu/cpu${core}`).find((name) => /^node\d+$/.test(name));
    return node === undefined ? 0 : Number(node.slice(4));
  } catch {
    return 0;
  }
}
