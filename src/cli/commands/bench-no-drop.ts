// `megaflow bench no-drop`: the highest rate between two real interfaces at which nothing is lost.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { readEnvironment } from "../../bench/environment.ts";
import { type FrameSize, parseSizes } from "../../bench/no-drop/frame-plan.ts";
import { measureNoDrop, type NoDropPlan, type NoDropResult } from "../../bench/no-drop/measure.ts";
import { MegaflowError, UsageError } from "../../errors.ts";
import { requireNative } from "../../native.ts";
import type { Arguments, CommandSpec } from "../options.ts";

const SIZES = "60,512,1514,imix";
const CPU_MAX = 1023;
const CONNECTIONS_MAX = 4096;
const RATE_MAX = 1_000_000_000;
const SWITCH_READY_MS = 60_000;

export const spec: CommandSpec = {
  name: "bench no-drop",
  summary: "Search for the highest rate between two real interfaces at which no frame is lost.",
  usage: ["--tx-dev A --rx-dev B [OPTIONS]"],
  details: [
    "Sends UDP frames out of A, counts what comes in at B, and halves the range of rates until the highest one is found at which no " +
      "more than --loss was lost (RFC 2544, section 26.1). Whatever is between A and B is measured: a running switch, or one " +
      "that --switch starts for the time of the search. A and B may be in network namespaces, and must not be ports of the switch.",
    "Frames are sent through a packet socket by this process, about a million a second on one core; a rate that passed at the " +
      "generator's end is printed as a lower bound. The kernel counts at B, which costs the switch nothing; frames that B gets from " +
      "elsewhere are counted before the search and told.",
  ],
  options: [
    { name: "tx-dev", value: "A", meaning: "Interface to send on. Required." },
    { name: "rx-dev", value: "B", meaning: "Interface where frames arrive. Required." },
    { name: "tx-netns", value: "NAME", meaning: "Network namespace of A." },
    { name: "rx-netns", value: "NAME", meaning: "Network namespace of B." },
    { name: "switch", value: "FILE.yaml", meaning: "Start this switch for the search." },
    {
      name: "sizes",
      value: "LIST",
      meaning: "Frame sizes without FCS, and imix (60, 566, 1514 as 7:4:1).",
      default: SIZES,
    },
    { name: "loss", value: "PERCENT", meaning: "Loss that still passes.", default: "0" },
    { name: "trial", value: "TIME", meaning: "Length of a trial; RFC 2544 asks for 60s.", default: "5s" },
    {
      name: "max-rate",
      value: "N",
      meaning: "Frames a second to begin with.",
      default: "what the generator reaches",
    },
    {
      name: "resolution",
      value: "PERCENT",
      meaning: "Width of the range that ends the search.",
      default: "2",
    },
    { name: "connections", value: "N", meaning: "Connections of the traffic.", default: "1024" },
    {
      name: "dst-mac",
      value: "MAC",
      meaning: "Where the frames are addressed to.",
      default: "02:00:00:00:00:02",
    },
    { name: "core", value: "CPU", meaning: "CPU for the generator; keep it off the PMDs'.", default: "0" },
    { name: "json", meaning: "Print one JSON object with every trial." },
  ],
  examples: [
    [
      "megaflow bench no-drop --tx-dev enp3s0f0 --rx-dev enp3s0f1",
      "Through whatever connects the two ports of this machine.",
    ],
    [
      "megaflow bench no-drop --switch lab.yaml --tx-dev g0 --tx-netns gen --rx-dev s0 --rx-netns far --trial 2s",
      "Starts a switch between two namespaces and measures it.",
    ],
    [
      "megaflow bench no-drop --tx-dev a --rx-dev b --sizes 60 --loss 0.001 --trial 60s --json",
      "By the book, for a script.",
    ],
  ],
};

/** Runs the command. */
export async function run(args: Arguments): Promise<void> {
  const json = args.flag("json");
  const plan = readPlan(args, !json && process.stderr.isTTY === true);
  const native = requireNative("bench no-drop");
  const file = args.text("switch");
  const subject = file === undefined ? undefined : await startSwitch(file);
  try {
    native.setAffinity(args.count("core", 0, CPU_MAX, 0));
    const results = await measureNoDrop(native, plan);
    if (json)
      process.stdout.write(
        `${JSON.stringify({ environment: readEnvironment(), plan: { ...plan, onTrial: undefined }, results })}\n`,
      );
    else process.stdout.write(`${textLines(results, plan).join("\n")}\n`);
  } finally {
    native.clearAffinity();
    await subject?.stop();
  }
}

function readPlan(args: Arguments, tells: boolean): NoDropPlan {
  const destination = args.text("dst-mac") ?? "02:00:00:00:00:02";
  if (!/^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/.test(destination))
    throw new UsageError(`--dst-mac takes an address such as 02:00:00:00:00:02, got "${destination}"`);
  const maxRate = args.count("max-rate", 100, RATE_MAX, 0);
  return {
    tx: { dev: args.required("tx-dev", "A"), netns: args.text("tx-netns") },
    rx: { dev: args.required("rx-dev", "B"), netns: args.text("rx-netns") },
    sizes: parseSizes(args.text("sizes") ?? SIZES),
    connections: args.count("connections", 1, CONNECTIONS_MAX, 1024),
    destination,
    trialSeconds: args.durationMs("trial", 5000) / 1000,
    maxRate: maxRate === 0 ? undefined : maxRate,
    resolution: readPercent(args, "resolution", 2, 0.1),
    lossLimit: readPercent(args, "loss", 0, 0),
    ...(tells
      ? {
          onTrial: (size: FrameSize, trial) =>
            process.stderr.write(
              `${sizeName(size)}: ${mpps(trial.offered)} Mpps offered, ${(trial.loss * 100).toFixed(4)} % lost\n`,
            ),
        }
      : {}),
  };
}

function readPercent(args: Arguments, name: string, fallback: number, least: number): number {
  const text = args.text(name) ?? String(fallback);
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= 50) return value / 100;
  throw new UsageError(`--${name} takes a percentage, ${least} to 50, got "${text}"`);
}

/** Starts `megaflow run` as a process of its own and waits until packets may come. */
async function startSwitch(file: string): Promise<{ stop(): Promise<void> }> {
  const main = process.argv[1] as string;
  const child = spawn(
    process.execPath,
    [...process.execArgv, main, "run", file, "--json", "--every", "200ms"],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let said = "";
  child.stderr.on("data", (text: Buffer) => {
    said += text.toString();
  });
  const ended = once(child, "close");
  const first = once(child.stdout, "data").then(() => "ready");
  const outcome = await Promise.race([
    first,
    ended.then(() => "ended"),
    sleep(SWITCH_READY_MS, "silent", { ref: false }),
  ]);
  child.stdout.resume();
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await ended;
  };
  if (outcome === "ready") return { stop };
  if (outcome === "silent") await stop();
  throw new MegaflowError(
    "SWITCH_START",
    `the switch of ${file} did not start: ${said.trim() || `silent for ${SWITCH_READY_MS / 1000} s`}`,
  );
}

function textLines(results: readonly NoDropResult[], plan: NoDropPlan): string[] {
  const header = `${"frame".padEnd(8)}${"Mpps".padStart(10)}${"Gbit/s".padStart(10)}${"trials".padStart(8)}`;
  const rows = results.map(
    (one) =>
      `${sizeName(one.size).padEnd(8)}${`${one.isLowerBound ? ">=" : ""}${mpps(one.rate)}`.padStart(10)}${(one.wireBitsPerSecond / 1e9).toFixed(3).padStart(10)}${String(one.trials.length).padStart(8)}`,
  );
  const lines = [
    `no-drop rate, ${plan.tx.dev} to ${plan.rx.dev}: at most ${plan.lossLimit * 100} % lost in ${plan.trialSeconds} s, found to ${plan.resolution * 100} %`,
    header,
    ...rows,
  ];
  if (results.some((one) => one.isLowerBound)) lines.push(">= the generator went no faster");
  const foreign = results[0]?.foreign ?? 0;
  if (foreign > 0)
    lines.push(
      `${plan.rx.dev} receives ${foreign.toFixed(0)} frames a second from elsewhere: loss below that cannot be told`,
    );
  return lines;
}

function sizeName(size: FrameSize): string {
  return size === "imix" ? "IMIX" : `${size}`;
}

function mpps(rate: number): string {
  return (rate / 1e6).toFixed(3);
}
