// What `megaflow doctor` prints for people: findings by area, interfaces, ports, and what to do.

import {
  type Area,
  areas,
  type DoctorReport,
  type Finding,
  type FindingState,
  type InterfaceReport,
  type PortVerdict,
} from "../../doctor/finding.ts";
import { wrap } from "./wrap.ts";

const WIDTH = 110;
const TOPIC_WIDTH = 24;
const MARK: Readonly<Record<FindingState, string>> = {
  ok: "ok",
  note: "note",
  problem: "PROBLEM",
  unknown: "?",
};
const TITLE: Readonly<Record<Area, string>> = {
  software: "Software",
  kernel: "Kernel",
  privileges: "Privileges",
  memory: "Memory",
  cores: "Cores",
};

/** Returns the report's lines. */
export function doctorLines(report: DoctorReport): string[] {
  const lines = [`megaflow ${report.megaflow}`];
  for (const area of areas) {
    lines.push("", TITLE[area]);
    for (const finding of report.findings.filter((one) => one.area === area))
      lines.push(...findingLines(finding));
  }
  lines.push("", "Interfaces", ...interfaceLines(report.interfaces));
  lines.push("", "Ports", ...report.ports.flatMap(portLines));
  if (report.rootWouldAdd.length > 0) {
    lines.push("", "With root", ...report.rootWouldAdd.map((one) => `  ${one}`));
  }
  lines.push("", conclusion(report));
  return lines;
}

function findingLines(finding: Finding): string[] {
  const head = `  ${MARK[finding.state].padEnd(8)}${finding.topic.padEnd(TOPIC_WIDTH)}`;
  const lines = hanging(head, finding.found);
  if (finding.meaning !== undefined) lines.push(...wrap(finding.meaning, WIDTH, " ".repeat(head.length)));
  return [...lines, ...remedyLines(finding.remedies ?? [])];
}

/** Commands stand alone on their line, so that they can be copied whole. */
function remedyLines(remedies: readonly string[]): string[] {
  return remedies.map((remedy, i) => `          ${i === 0 ? "do:" : "or:"} ${remedy}`);
}

function interfaceLines(interfaces: readonly InterfaceReport[]): string[] {
  if (interfaces.length === 0) return ["  none that could be looked at"];
  const header = ["name", "driver", "state", "MTU", "queues", "XDP", "known by", "offloads"];
  const rows = interfaces.map((one) => [
    one.netns === null ? one.name : `${one.name} (${one.netns})`,
    one.driver || "-",
    one.up ? "up" : "down",
    `${one.mtu}`,
    `${one.rxQueues} rx, ${one.txQueues} tx`,
    `${one.xdp}${one.multiBuffer === true ? ", jumbo" : ""}`,
    one.xdpSource,
    one.offloads?.join(" ") ?? "install ethtool",
  ]);
  const table = [header, ...rows];
  const widths = header.map((_, i) => Math.max(...table.map((row) => row[i]?.length ?? 0)));
  const format = (row: readonly string[]): string =>
    `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ")}`.trimEnd();
  const notes = interfaces.flatMap((one) =>
    one.notes.flatMap((note) => [
      ...hanging(`  ${MARK[note.state].padEnd(8)}${one.name}: `, note.text),
      ...remedyLines(note.remedies),
    ]),
  );
  return [...table.map(format), ...notes];
}

function portLines(verdict: PortVerdict): string[] {
  const head = `  ${(verdict.usable ? "ok" : "no").padEnd(8)}${verdict.type.padEnd(TOPIC_WIDTH)}`;
  const lines = hanging(head, verdict.how);
  for (const limit of verdict.limits) lines.push(...wrap(limit, WIDTH, " ".repeat(head.length)));
  return [...lines, ...remedyLines(verdict.remedies)];
}

/** Text behind a head, whose further lines stand under its first. */
function hanging(head: string, text: string): string[] {
  const [first = "", ...rest] = wrap(text, WIDTH, " ".repeat(head.length));
  return [head + first.slice(head.length), ...rest];
}

function conclusion({ findings, interfaces, healthy }: DoctorReport): string {
  const count = (state: "problem" | "note"): number =>
    findings.filter((one) => one.state === state).length +
    interfaces.flatMap((one) => one.notes).filter((note) => note.state === state).length;
  const [problems, notes] = [count("problem"), count("note")];
  if (healthy && problems === 0) return notes === 0 ? "All is well." : `Ready; ${notes} to consider.`;
  return `${problems} ${problems === 1 ? "problem" : "problems"}, ${notes} to consider.`;
}
