// What `megaflow top` shows, as lines of text that fit the terminal: a function of what was seen and set.

import type { MegaflowEntry } from "../../observe/megaflows.ts";
import type { PortRates } from "../../observe/port-rates.ts";
import type { PmdRates, SnapshotRates } from "../../observe/rates.ts";
import type { Snapshot } from "../../observe/snapshot.ts";
import { countOf } from "../format/units.ts";
import { type TopState, topKeys } from "./state.ts";

/** What was seen. */
export interface TopFrame {
  readonly snapshot: Snapshot;
  readonly rates: SnapshotRates;
  readonly megaflows: {
    readonly total: number;
    readonly matched: number;
    readonly entries: readonly RatedMegaflow[];
  };
  /** Why there are no megaflows to show: a filter that is none. */
  readonly problem?: string | undefined;
}

/** A megaflow with what happened since the last look. */
export interface RatedMegaflow extends MegaflowEntry {
  readonly packetRate: number;
  readonly bitRate: number;
}

/** A line, and how it is shown. */
export interface TopLine {
  readonly text: string;
  readonly style?: "title" | "head" | "foot";
}

/** Rows of a table that is not the one with the room. */
const ROWS_SMALL = 4;

/** Returns at most `height` lines of at most `width` characters. */
export function topLines(frame: TopFrame, state: TopState, width: number, height: number): TopLine[] {
  const body = state.help ? helpLines() : frameLines(frame, state, height);
  const lines = [...body.slice(0, Math.max(0, height - 1))];
  while (lines.length < height - 1) lines.push({ text: "" });
  lines.push(footLine(state));
  return lines.map((line) => ({ ...line, text: fitted(line.text, width) }));
}

/** Returns all lines, for a reader that is no terminal. */
export function onceLines(frame: TopFrame, state: TopState, width: number, megaflows: number): string[] {
  const rows = frame.rates.pmds.length * 2 + frame.rates.ports.length + megaflows + 16;
  return frameLines(frame, { ...state, part: "megaflows" }, rows, true).map((line) =>
    fitted(line.text, width).trimEnd(),
  );
}

function frameLines(frame: TopFrame, state: TopState, height: number, all = false): TopLine[] {
  const pmds = frame.rates.pmds.map(pmdLine);
  const stages = frame.rates.pmds.filter((pmd) => pmd.stages.length > 0).map(stageLine);
  const ports = frame.rates.ports.map(portLine);
  const megaflows = frame.problem === undefined ? megaflowLines(frame, state) : [frame.problem];
  const small = (rows: string[], part: TopState["part"]): number =>
    all || state.part === part ? rows.length : Math.min(rows.length, ROWS_SMALL);
  const fixed = 9;
  // The part that has the room takes what the others leave, and no part is left without a row.
  const others = { pmds: small(pmds, "pmds"), ports: small(ports, "ports"), megaflows: 3 };
  const stageRows = all
    ? stages.length
    : Math.min(stages.length, others.pmds, state.part === "pmds" ? 99 : 2);
  const taken = Object.entries(others).reduce(
    (sum, [part, rows]) => sum + (part === state.part ? 0 : rows),
    0,
  );
  const room = Math.max(1, height - fixed - taken - (state.part === "pmds" ? 0 : stageRows));
  const rowsOf = (part: TopState["part"]): number => (state.part === part ? room : others[part]);
  const from = (part: TopState["part"], rows: string[]): number =>
    state.part === part ? Math.min(state.scroll, Math.max(0, rows.length - 1)) : 0;
  const shown = (part: TopState["part"], rows: string[], count = rowsOf(part)): TopLine[] =>
    rows.slice(from(part, rows), from(part, rows) + count).map((text) => ({ text }));
  const half = state.part === "pmds" ? Math.max(1, Math.floor(room / 2)) : others.pmds;
  return [
    ...titleLines(frame, state),
    { text: pmdHead, style: "head" },
    ...shown("pmds", pmds, half),
    ...(stages.length === 0 ? [] : [{ text: stageHead, style: "head" } as const]),
    ...shown("pmds", stages, state.part === "pmds" ? half : stageRows),
    { text: portHead, style: "head" },
    ...shown("ports", ports),
    { text: megaflowHead(frame, state), style: "head" },
    ...shown("megaflows", megaflows),
  ];
}

function titleLines({ snapshot, rates }: TopFrame, state: TopState): TopLine[] {
  const { total } = rates;
  const time = new Date(snapshot.timeMs).toTimeString().slice(0, 8);
  const paused = state.paused ? "  standing still" : "";
  const reasons = Object.entries(total.drops)
    .filter(([, rate]) => rate > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, rate]) => `${reason} ${short(rate)}`);
  const drops = reasons.length === 0 ? "no drops" : `drops/s: ${reasons.join(", ")}`;
  const text = `megaflow ${snapshot.bridge}  ${time}  up ${duration(snapshot.uptimeMs)}`;
  return [
    {
      text: `${text}  ${mega(total.rxPackets)} Mpps in  ${mega(total.txPackets)} out${paused}`,
      style: "title",
    },
    {
      text: `${countOf(snapshot.megaflows, "megaflow")}  ${countOf(snapshot.masks, "mask")}  ${countOf(snapshot.rules, "rule")}  ${drops}`,
    },
    { text: settingsLine(snapshot) },
  ];
}

function settingsLine({ settings, pmds, memory }: Snapshot): string {
  const bypassed = pmds.some((pmd) => pmd.caches.microflow.bypassed) ? " (bypassed)" : "";
  const exact = settings["microflow.mode"] === "exact" ? " exact" : "";
  return [
    `microflow ${size(settings["microflow.entries"])}${exact}${bypassed}`,
    `mask cache ${size(settings["maskCache.entries"])} ${settings["maskCache.victim"]}`,
    `pruning ${settings.pruning}`,
    `memory ${Math.round(memory.linearBytes / 2 ** 20)} of ${Math.round(memory.rssBytes / 2 ** 20)} MiB`,
  ].join("  ");
}

const pmdHead = "PMD core  busy%    Mpps  cyc/pkt  micro%  mcach%  maskd%   upc/s  lost/s  masks";

function pmdLine(pmd: PmdRates): string {
  const share = (part: number): string => (part * 100).toFixed(1);
  return [
    String(pmd.index).padStart(3),
    (pmd.core < 0 ? "any" : String(pmd.core)).padStart(5),
    (pmd.busyShare === null ? "-" : share(pmd.busyShare)).padStart(7),
    mega(pmd.rxPackets).padStart(8),
    (pmd.cyclesPerPacket === null ? "-" : pmd.cyclesPerPacket.toFixed(1)).padStart(9),
    share(pmd.hits.microflow).padStart(8),
    share(pmd.hits.maskCache).padStart(8),
    share(pmd.hits.masked).padStart(8),
    short(pmd.upcalls).padStart(8),
    short(pmd.upcallsLost).padStart(8),
    pmd.masksPerLookup.toFixed(2).padStart(7),
  ].join("");
}

/** The stages' names in 8 characters. */
const stageNames = ["receive", "extract", "name", "microfl", "mcache", "masked", "actions"];
const stageHead = `PMD cyc/pkt${stageNames.map((name) => name.padStart(9)).join("")}`;

function stageLine(pmd: PmdRates): string {
  const sum = pmd.stages.reduce((all, { cycles }) => all + cycles, 0);
  const cells = pmd.stages.map(({ cycles }) => cycles.toFixed(1).padStart(9)).join("");
  return `${String(pmd.index).padStart(3)}${sum.toFixed(1).padStart(8)}${cells}`;
}

const portHead = "port             rx Mpps  tx Mpps  rx Gb/s  tx Gb/s  rxdrop/s  txdrop/s   upc/s";

function portLine(port: PortRates): string {
  const giga = (bits: number): string => (bits / 1e9).toFixed(3);
  return [
    fitted(`${port.number === 65534 ? "LOCAL" : port.number} ${port.name}`, 15).padEnd(15),
    mega(port.rxPackets).padStart(9),
    mega(port.txPackets).padStart(9),
    giga(port.rxBits).padStart(9),
    giga(port.txBits).padStart(9),
    short(port.rxDrops).padStart(10),
    short(port.txDrops).padStart(10),
    short(port.upcalls).padStart(8),
  ].join("");
}

function megaflowHead({ megaflows }: TopFrame, state: TopState): string {
  const limits = [state.search && `/${state.search}`, state.filter && `filter ${state.filter}`].filter(
    Boolean,
  );
  const which = limits.length === 0 ? "" : `, ${limits.join(" ")}: ${megaflows.matched}`;
  return `  pkt/s   bit/s packets   used  megaflows by ${state.sort}${which} of ${megaflows.total}`;
}

function megaflowLines({ megaflows }: TopFrame, state: TopState): string[] {
  return megaflows.entries.map((one) => {
    const used = one.usedSeconds === null ? "never" : `${one.usedSeconds.toFixed(1)}s`;
    return [
      short(one.packetRate).padStart(7),
      short(one.bitRate).padStart(8),
      short(one.packets).padStart(8),
      used.padStart(7),
      `  ${`${shortMatch(one.match)} -> ${one.actions}`.slice(state.shift)}`,
    ].join("");
  });
}

/**
 * A match with what tells megaflows apart first: what every megaflow has is left out, Ethernet addresses come last.
 */
function shortMatch(match: string): string {
  const parts = match.split(/(?<=\)),/);
  const isNetwork = parts.some((part) => /^(ipv4|ipv6|arp)\(/.test(part));
  return parts
    .filter((part) => part !== "recirc_id(0)" && part !== "packet_type(ns=0,id=0)")
    .filter((part) => !(isNetwork && part.startsWith("eth_type(")))
    .map((part) => part.replace(/,?frag=no\b/, "").replace("()", ""))
    .sort((a, b) => Number(a.startsWith("eth(")) - Number(b.startsWith("eth(")))
    .join(",");
}

function footLine(state: TopState): TopLine {
  if (state.typing !== undefined) {
    const what = state.typing.what === "search" ? "words: /" : "match: ";
    return { text: `${what}${state.typing.text}_`, style: "foot" };
  }
  const every = `${state.everyMs / 1000}s`;
  return {
    text: `q quit  h help  s sort  / search  f filter  Tab ${state.part}  p pause  +- ${every}`,
    style: "foot",
  };
}

function helpLines(): TopLine[] {
  return [
    { text: "megaflow top: keys", style: "title" },
    { text: "" },
    ...topKeys.map(([key, does]) => ({ text: `  ${key.padEnd(20)}${does}` })),
    { text: "" },
    { text: "micro%, mcach%, maskd%: lookups answered by microflow cache, mask cache and" },
    { text: "masked lookup; the rest went up to the controller (upc/s). masks: tried a lookup." },
    { text: "busy%: share of its time that a PMD's thread worked on packets; cyc/pkt: that" },
    { text: "work over the packets received; stages are timed on one batch in 256. What else" },
    { text: "runs on the core counts in the former, hardly in the latter." },
    { text: "rate: of the 200 megaflows with the most packets." },
  ];
}

/** Cut to a width. */
function fitted(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}>`;
}

function mega(rate: number): string {
  return (rate / 1e6).toFixed(3);
}

/** Four digits at most and a letter: 950, 12.3k, 4.56M. */
function short(count: number): string {
  for (const [unit, letter] of [
    [1e12, "T"],
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const) {
    if (count >= unit) return `${(count / unit).toPrecision(3)}${letter}`;
  }
  return count.toFixed(0);
}

function size(entries: number): string {
  if (entries === 0) return "off";
  if (entries >= 1 << 20) return `${entries / (1 << 20)}M`;
  return entries >= 1024 ? `${entries / 1024}k` : String(entries);
}

function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0
    ? `${h}h${String(m).padStart(2, "0")}m`
    : m > 0
      ? `${m}m${String(s).padStart(2, "0")}s`
      : `${s}s`;
}
