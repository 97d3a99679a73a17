// The figures of memory for people, beside what they may be.
import type { Environment } from "../../src/bench/environment.ts";
import { markdownTable } from "../../src/bench/report/table.ts";
import { machineLines } from "../storm/machine-lines.ts";
import { memoryKinds } from "./kinds.ts";
import type { LinearUse } from "./linear.ts";
import type { ResidentUse } from "./resident.ts";

/** Everything that was measured. */
export interface MemoryResult {
  readonly linear: LinearUse[];
  readonly resident: ResidentUse[];
  environment: Environment;
}

/** Most that a default switch with 200,000 megaflows may hold resident. */
const RESIDENT_LIMIT = 256 * 2 ** 20;

/** Whether a figure is over its target. */
export function isOver({ linear, resident }: MemoryResult): boolean {
  return linear.some((use) => use.bytesPerMegaflow > limitOf(use)) || resident.some((use) => !fits(use));
}

/** A Markdown page. */
export function memoryReport({ linear, resident, environment }: MemoryResult): string {
  const lines = [
    "# Memory",
    "",
    "Made by `npm run bench:memory`. Every megaflow was made by a packet that missed; its mask has addresses and ports, its action is one output.",
    "",
    "## Linear memory a megaflow",
    "",
    "Slabs of records, both hash tables, programs: whole regions as they are given out, so with what is free in the last one. A single output needs no program.",
    "",
    ...markdownTable({
      titles: [
        "masks",
        "megaflows",
        "lanes",
        "records, MiB",
        "tables, MiB",
        "bytes a megaflow",
        "at most",
        "met",
      ],
      rows: linear.map((use) => [
        use.kind,
        use.megaflows.toLocaleString("en-US"),
        String(use.lanes),
        mebibytes(use.recordBytes),
        mebibytes(use.tableBytes),
        use.bytesPerMegaflow.toFixed(0),
        String(limitOf(use)),
        use.bytesPerMegaflow <= limitOf(use) ? "yes" : "no",
      ]),
    }),
    "",
    "## Resident set of a switch",
    "",
    "MiB of `megaflow run` in its default configuration, one PMD. *Traffic* is the recording that made the megaflows: no part of the switch, so *switch* is without it.",
    "",
    ...markdownTable({
      titles: [
        "masks",
        "megaflows",
        "switch",
        "linear memory",
        "program text",
        "heaps and rest",
        "traffic",
        "under",
        "met",
      ],
      rows: resident.map((use) => [
        use.kind,
        use.megaflows.toLocaleString("en-US"),
        mebibytes(switchBytes(use)),
        mebibytes(use.resident.linear),
        mebibytes(use.resident.files),
        mebibytes(use.resident.rest),
        mebibytes(use.resident.traffic),
        mebibytes(RESIDENT_LIMIT),
        fits(use) ? "yes" : "no",
      ]),
    }),
    "",
    ...machineLines(environment),
  ];
  return `${lines.join("\n")}\n`;
}

function switchBytes({ resident }: ResidentUse): number {
  return resident.all - resident.traffic;
}

function fits(use: ResidentUse): boolean {
  return switchBytes(use) < RESIDENT_LIMIT;
}

function limitOf({ kind }: LinearUse): number {
  return memoryKinds.find((one) => one.kind === kind)!.limit;
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}
