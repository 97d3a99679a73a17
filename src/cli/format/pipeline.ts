// The rule tables of a switch, as a person wants to see them before traffic starts.

import type { TableReport } from "../engine.ts";
import { countOf } from "./units.ts";

/** Rules printed of one table before the rest is only counted. */
const RULES_SHOWN = 12;

/** Returns the lines of the pipeline. */
export function pipelineLines(bridge: string, tables: readonly TableReport[]): string[] {
  const rules = tables.reduce((sum, table) => sum + table.rules.length, 0);
  const lines = [`${bridge}: ${countOf(rules, "rule")} in ${countOf(tables.length, "table")}`];
  for (const table of tables) {
    lines.push(`  table ${table.id}`);
    for (const rule of table.rules.slice(0, RULES_SHOWN)) lines.push(`    ${rule}`);
    const rest = table.rules.length - RULES_SHOWN;
    if (rest > 0) lines.push(`    and ${countOf(rest, "more rule")}`);
  }
  return lines;
}
