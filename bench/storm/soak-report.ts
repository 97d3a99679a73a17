// The figures of a soak for people: as lines, and as a Markdown page with what was wanted beside them.
import type { Environment } from "../../src/bench/environment.ts";
import { markdownTable } from "../../src/bench/report/table.ts";
import { machineLines } from "./machine-lines.ts";
import { GROWTH_MIB, GROWTH_SHARE, type SoakResult, STALL_MAX_MS } from "./soak.ts";

/** The result as lines. */
export function soakLines(result: SoakResult): string[] {
  return [
    `${result.packets} packets and ${result.changes} rule changes in ${result.seconds} s, ${result.megaflowsRemoved} megaflows removed`,
    `resident ${size(result.rssMiB)}, heap ${size(result.heapMiB)}, linear memory given out ${size(result.linearMiB)}`,
    `longest turn of the PMD ${result.longestStallMs.toFixed(1)} ms; longest wait for its core ${result.longestRobbedMs.toFixed(1)} ms`,
    ...result.faults.map((fault) => `FAULT: ${fault}`),
    result.faults.length === 0 ? "all is well" : `${result.faults.length} faults`,
  ];
}

/** A Markdown page. */
export function soakReport(result: SoakResult, environment: Environment): string {
  const flat = `grows by no more than ${GROWTH_SHARE * 100} % or ${GROWTH_MIB} MiB`;
  const isFlat = ([before, after]: readonly [number, number]) =>
    after <= before * (1 + GROWTH_SHARE) || after <= before + GROWTH_MIB;
  const own = result.longestStallMs - result.longestRobbedMs;
  const books = result.faults.filter((fault) => !/grew from|stood still/.test(fault));
  const lines = [
    "# A soak of the slow path",
    "",
    `Made by \`npm run bench:soak\`: connections come and go, and rules change ten times a second, for ${(result.seconds / 60).toFixed(1)} minutes.`,
    `${result.packets.toLocaleString("en-US")} packets, ${result.changes.toLocaleString("en-US")} versions of the rules, ${result.megaflowsRemoved.toLocaleString("en-US")} megaflows removed.`,
    "",
    ...markdownTable({
      titles: ["what", "target", "second quarter -> last", "met"],
      rows: [
        ["resident memory", flat, size(result.rssMiB), yes(isFlat(result.rssMiB))],
        ["JavaScript heap", flat, size(result.heapMiB), yes(isFlat(result.heapMiB))],
        ["linear memory given out", flat, size(result.linearMiB), yes(isFlat(result.linearMiB))],
      ],
    }),
    "",
    ...markdownTable({
      titles: ["what", "target", "measured", "met"],
      rows: [
        [
          "longest time that the PMD did not look at its queues, less its longest wait for the core",
          `under ${STALL_MAX_MS} ms`,
          `${Math.max(0, own).toFixed(1)} ms (${result.longestStallMs.toFixed(1)} less ${result.longestRobbedMs.toFixed(1)})`,
          yes(own <= STALL_MAX_MS),
        ],
        [
          "packets overtaken, mixed, stale or missing from the books",
          "none",
          books.length === 0 ? "none" : books.join("; "),
          yes(books.length === 0),
        ],
      ],
    }),
    "",
    ...machineLines(environment),
  ];
  return `${lines.join("\n")}\n`;
}

function size([before, after]: readonly [number, number]): string {
  return `${before.toFixed(0)} -> ${after.toFixed(0)} MiB`;
}

function yes(met: boolean): string {
  return met ? "yes" : "no";
}
