// Changes of rules given as text: read whole, applied all at once or not at all; an error says in which line.

import type { FlowMod, FlowModCommand } from "./openflow/flow-mod.ts";
import { textLines } from "./openflow/lines.ts";
import { parseFlows } from "./openflow/parse-flow.ts";
import type { Bridge } from "./xlate/bridge.ts";
import { applyFlowMods } from "./xlate/flow-mod.ts";
import { planReplacement } from "./xlate/replace-flows.ts";

/** Rules as text, and the name of the file they came from, for errors. */
export interface FlowText {
  readonly text: string;
  readonly file?: string | undefined;
}

/** What a change of rules did: numbers of rules. */
export interface FlowChange {
  readonly added: number;
  /** Rules that have other actions now, or took the place of one with the same match and priority. */
  readonly modified: number;
  readonly removed: number;
  /** Of `replaceFlows`: rules that were there already; their counters go on. */
  readonly unchanged: number;
}

/** Changes a bridge as lines of flow syntax say; `command` holds for all lines, else each may begin with one. */
export function changeFlows(
  bridge: Bridge,
  source: FlowText,
  nowMs: number,
  command?: FlowModCommand,
): FlowChange {
  const mods = parseFlows(source.text, { file: source.file, ports: bridge.portNames }, command);
  const where = (index: number) => lineOf([source], index);
  return summary(bridge, mods, nowMs, where, 0);
}

/** Gives a bridge just the rules of some texts, with as little change as possible. */
export function replaceFlows(bridge: Bridge, sources: readonly FlowText[], nowMs: number): FlowChange {
  const ports = bridge.portNames;
  const wanted = sources.flatMap(({ text, file }) => parseFlows(text, { file, ports }, "add"));
  const { mods, origins, unchanged } = planReplacement(bridge, wanted);
  const where = (index: number) => lineOf(sources, origins[index] as number);
  return summary(bridge, mods, nowMs, where, unchanged);
}

function summary(
  bridge: Bridge,
  mods: readonly FlowMod[],
  nowMs: number,
  where: (index: number) => string,
  unchanged: number,
): FlowChange {
  const { added, modified, removed, replaced } = applyFlowMods(bridge, mods, nowMs, { where });
  return {
    added: added.length - replaced.length,
    modified: modified.length + replaced.length,
    removed: removed.length - replaced.length,
    unchanged,
  };
}

/** `file:line` of the flow with this index over all texts. */
function lineOf(sources: readonly FlowText[], index: number): string {
  let left = index;
  for (const { text, file } of sources) {
    for (const [line] of textLines(text))
      if (left-- === 0) return file === undefined ? `line ${line}` : `${file}:${line}`;
  }
  return "";
}
