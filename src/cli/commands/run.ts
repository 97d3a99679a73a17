// `megaflow run`: a switch as a YAML file describes it, until its time is over or somebody stops it.

import { setTimeout as sleep } from "node:timers/promises";
import { parseListenAddress } from "../../config/listen-address.ts";
import { type HttpConfig, loadRunConfig } from "../../config/run-config.ts";
import { UsageError } from "../../errors.ts";
import { misuse, readSeed, readSettings, seedOption, settingOptions } from "../common-options.ts";
import type { RunEngine, SwitchCounters } from "../engine.ts";
import { accountLines, megaflowLines } from "../format/account.ts";
import { pipelineLines } from "../format/pipeline.ts";
import { rateHeader, rateLine, ratesBetween, ratesJson } from "../format/rate-line.ts";
import { summaryJson } from "../format/replay-json.ts";
import { keepHeapSmall } from "../heap.ts";
import type { Arguments, CommandSpec } from "../options.ts";
import { reloadOnHangup } from "../reload-flows.ts";
import { createRunEngine } from "../run-engine.ts";

/** Lines of numbers between two headers. */
const HEADER_EVERY = 20;

export const spec: CommandSpec = {
  name: "run",
  summary: "Run the switch that a YAML file describes.",
  usage: ["FILE.yaml [OPTIONS]"],
  details: [
    "The file names cores, settings, ports and rules (docs/cli.md has one in full); every mistake in it is " +
      "named with line and column. Once a second a line says how fast packets pass and which level found " +
      "their megaflows; at the end come the megaflows and an account of every packet. Ctrl-C ends it.",
    "SIGHUP has it read the rules again: those of the file take the place of the present ones at once, rules that " +
      "stay keep their counters, and a mistake is named with its line and changes nothing.",
  ],
  operands: { what: "FILE.yaml", min: 1, max: 1 },
  options: [
    { name: "for", value: "TIME", meaning: "Stop after this time: 10s, 500ms, 2m." },
    { name: "every", value: "TIME", meaning: "Time between two lines.", default: "1s" },
    { name: "cores", value: "LIST", meaning: "CPU numbers in place of the file's, one PMD each: 1,3." },
    {
      name: "http",
      value: "ADDRESS:PORT",
      meaning: "Serve the live page and /metrics there, such as 127.0.0.1:9080 (docs/live-page.md).",
    },
    {
      name: "control",
      value: "SOCKET",
      meaning: "Control socket: a path, a name in the run directory, or off (docs/control.md).",
      default: "the bridge's name",
    },
    {
      name: "http-remote",
      meaning: "Let the page's address be one that other machines reach; nothing of it is encrypted.",
    },
    ...settingOptions,
    { ...seedOption, default: "random" },
    { name: "json", meaning: "Print JSON objects, one a line: rates, then the summary." },
  ],
  examples: [
    ["megaflow run examples/demo.yaml --for 10s", "Ten seconds of the demonstration that npm start shows."],
    [
      "megaflow run switch.yaml --cores 1,3 --set microflow.entries=1M",
      "Two PMDs, and a larger microflow cache than the file says.",
    ],
    ["megaflow run switch.yaml --http 127.0.0.1:9080", "Watch it, and change its caches, in a browser."],
  ],
};

/** Runs the command. */
export async function run(args: Arguments): Promise<void> {
  keepHeapSmall();
  const file = args.operands[0] as string;
  const namedCores = readCores(args);
  const everyMs = args.durationMs("every", 1000);
  const forMs = args.durationMs("for", Number.POSITIVE_INFINITY);
  const json = args.flag("json");
  const config = loadRunConfig(file);
  const print = (line: string) => process.stdout.write(`${line}\n`);
  const engine = await createRunEngine({
    bridge: config.bridge,
    ...readSettings(args, config),
    seed: readSeed(args, config.seed === undefined ? undefined : BigInt(config.seed)),
    flows: config.flows,
    groups: config.groups,
    meters: config.meters,
    cores: namedCores ?? config.cores,
    idle: config.idle,
    ports: config.ports,
    http: readHttp(args, config.http),
    control: readControl(args, config.control),
    log: (line) => process.stderr.write(`megaflow: ${line}\n`),
  });
  const stop = stopOnSignal();
  const stopReloading = reloadOnHangup(file, engine, (line) => process.stderr.write(`megaflow: ${line}\n`));
  try {
    if (engine.page !== undefined) {
      const { url, token } = engine.page;
      process.stderr.write(`megaflow: live page at ${url}, read-only without its token: ${token}\n`);
    }
    if (!json) {
      for (const line of engine.placement) print(line);
      for (const port of config.ports)
        if (port.real === undefined) print(`port ${port.number} (${port.name}): ${describePort(port)}`);
      for (const line of pipelineLines(config.bridge, engine.tables())) print(line);
    }
    if (!json && engine.control !== undefined) print(`control socket ${engine.control.path}`);
    engine.exitAsked.then(stop.now);
    let failure: unknown;
    const before = engine.counters();
    engine.start();
    engine.inputEnded.catch((error) => (failure = error)).finally(stop.now);
    await watch(engine, before, { everyMs, forMs, json, signal: stop.signal, print });
    await engine.stop();
    const counters = engine.counters();
    const megaflows = await engine.megaflows();
    if (json) print(summaryJson(counters, megaflows));
    else
      for (const line of ["", ...megaflowLines(megaflows, counters.masks), "", ...accountLines(counters)])
        print(line);
    if (failure !== undefined) throw failure;
  } finally {
    stop.dispose();
    stopReloading();
    await engine.close();
  }
}

interface Watch {
  readonly everyMs: number;
  readonly forMs: number;
  readonly json: boolean;
  readonly signal: AbortSignal;
  readonly print: (line: string) => void;
}

/** Prints a line an interval until the time is over or the signal comes. */
async function watch(engine: RunEngine, first: SwitchCounters, options: Watch): Promise<void> {
  const start = performance.now();
  let before = first;
  let beforeAt = start;
  for (let line = 0; !options.signal.aborted; line++) {
    const left = start + options.forMs - performance.now();
    if (left < options.everyMs / 10) return;
    // Aiming at whole intervals since the start keeps the lines from drifting.
    const due = start + (line + 1) * options.everyMs - performance.now();
    // A rest that is too short to tell anything goes into the last line.
    const wait = left - due < options.everyMs / 10 ? left : due;
    await sleep(Math.max(0, wait), undefined, { signal: options.signal }).catch(() => {});
    const at = performance.now();
    const after = engine.counters();
    const time = { atSeconds: (at - start) / 1000, seconds: (at - beforeAt) / 1000 };
    const rates = ratesBetween(before, after, time, engine.cyclesPerNs);
    if (options.json) options.print(JSON.stringify(ratesJson(rates)));
    else {
      if (line % HEADER_EVERY === 0) options.print(`\n${rateHeader()}`);
      options.print(rateLine(rates));
    }
    before = after;
    beforeAt = at;
  }
}

/** A signal that Ctrl-C or a polite kill sets; a second one ends the process as usual. */
function stopOnSignal(): { signal: AbortSignal; now: () => void; dispose: () => void } {
  const controller = new AbortController();
  const stop = () => {
    dispose();
    controller.abort();
  };
  const dispose = () => {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return { signal: controller.signal, now: stop, dispose };
}

function readCores(args: Arguments): number[] | undefined {
  const text = args.text("cores");
  if (text === undefined) return undefined;
  if (!/^[0-9]{1,4}(,[0-9]{1,4})*$/.test(text)) {
    throw new UsageError(`--cores takes CPU numbers such as 1,3, got "${text}"`);
  }
  const cores = text.split(",").map(Number);
  if (new Set(cores).size < cores.length) throw new UsageError(`--cores ${text} names a core twice`);
  return cores;
}

/** Name or path of the control socket, undefined for the usual one, null for none. */
function readControl(args: Arguments, config: string | null | undefined): string | null | undefined {
  const text = args.text("control");
  if (text === undefined) return config;
  return text === "off" ? null : text;
}

/** What the options say, else the file. */
function readHttp(args: Arguments, config: HttpConfig | undefined): HttpConfig | undefined {
  const listen = args.text("http") ?? config?.listen;
  const remote = args.flag("http-remote") || config?.remote === true;
  if (listen !== undefined) {
    misuse("--http", () => parseListenAddress(listen, remote));
    return { listen, remote };
  }
  if (remote) throw new UsageError("--http-remote needs an address: --http ADDRESS:PORT");
  return undefined;
}

function describePort(port: {
  readonly kind: string;
  readonly read?: string;
  readonly write?: string;
}): string {
  const files = [port.read && `from ${port.read}`, port.write && `to ${port.write}`]
    .filter(Boolean)
    .join(", ");
  return files === "" ? port.kind : `${port.kind} ${files}`;
}
