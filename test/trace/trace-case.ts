// Reads and writes the cases of this folder: files of sections, each begun by a line `== name`. A
// packet's section may be there more than once; `trace` has what is printed for all of them.

import { readdirSync, readFileSync } from "node:fs";

/** One case; see the head of the file. */
export interface TraceCase {
  readonly path: URL;
  readonly name: string;
  readonly note: string;
  readonly flows: string;
  readonly groups: string;
  readonly packets: readonly string[];
  readonly explain: boolean;
  /** Whether Open vSwitch prints the same but for the megaflow. */
  readonly sameAsOvs: boolean;
  readonly expected: string;
}

const CASES = new URL("./cases/", import.meta.url);

/** Every case, by name. */
export function traceCases(): TraceCase[] {
  const files = readdirSync(CASES).filter((file) => file.endsWith(".trace"));
  return files.sort().map((file) => readCase(new URL(file, CASES), file.replace(".trace", "")));
}

function readCase(path: URL, name: string): TraceCase {
  const sections = new Map<string, string[]>([["note", [""]]]);
  let current = "note";
  for (const line of readFileSync(path, "utf8").split("\n")) {
    if (line.startsWith("== ")) {
      current = line.slice(3);
      sections.set(current, [...(sections.get(current) ?? []), ""]);
    } else {
      const parts = sections.get(current) as string[];
      parts[parts.length - 1] += `${line}\n`;
    }
  }
  const text = (section: string) => (sections.get(section)?.[0] ?? "").trim();
  return {
    path,
    name,
    note: text("note"),
    flows: text("flows"),
    groups: text("groups"),
    packets: (sections.get("packet") ?? []).map((packet) => packet.trim()),
    explain: text("explain") === "yes",
    sameAsOvs: text("ovs") !== "differs",
    expected: (sections.get("trace")?.[0] ?? "").trimEnd(),
  };
}

/** The file of a case with this trace. */
export function caseText(traceCase: TraceCase, trace: string): string {
  const parts = [`${traceCase.note}\n`];
  if (traceCase.groups !== "") parts.push(`== groups\n${traceCase.groups}\n`);
  parts.push(`== flows\n${traceCase.flows}\n`);
  for (const packet of traceCase.packets) parts.push(`== packet\n${packet}\n`);
  if (traceCase.explain) parts.push("== explain\nyes\n");
  if (!traceCase.sameAsOvs) parts.push("== ovs\ndiffers\n");
  return `${parts.join("")}== trace\n${trace}\n`;
}
