// `megaflow top`: watches a running switch in a terminal.

import { setTimeout as sleep } from "node:timers/promises";
import { ControlClient } from "../../control/client.ts";
import { UsageError } from "../../errors.ts";
import type { Arguments, CommandSpec } from "../options.ts";
import { TopScreen } from "../top/screen.ts";
import { afterKey, firstTopState, keysOf, type TopState, topSorts } from "../top/state.ts";
import { onceLines, type TopFrame, topLines } from "../top/view.ts";
import { TopWatcher } from "../top/watcher.ts";
import { attachOption } from "./ctl.ts";

export const spec: CommandSpec = {
  name: "top",
  summary: "Watch a running switch: PMDs, ports, busiest megaflows.",
  usage: ["[OPTIONS]"],
  details: [
    "For every PMD: the share of its time that it worked, packets a second, cycles a packet altogether and by stage, " +
      "which level answered, upcalls and lost packets. Below, the ports and the megaflows with the most traffic. " +
      "The key h lists the keys. It fits 80 columns and 24 lines, and works over ssh.",
  ],
  options: [
    attachOption,
    { name: "every", value: "TIME", meaning: "Time between two looks.", default: "2s" },
    { name: "sort", value: "BY", meaning: `Megaflows by ${topSorts.join(", ")}.`, default: "rate" },
    { name: "search", value: "WORDS", meaning: "Only megaflows whose text has these words." },
    { name: "filter", value: "MATCH", meaning: "Only megaflows that fit a match in ovs-ofctl syntax." },
    { name: "once", meaning: "Print what one look shows, without a terminal." },
    { name: "json", meaning: "Print snapshot, rates and megaflows as JSON, one object a look." },
  ],
  examples: [
    ["megaflow top", "The only switch that runs, until q."],
    ["megaflow top --once --every 5s", "The average of five seconds, for a script or a report."],
    ["ssh -t box megaflow top --attach /run/megaflow/br0.ctl", "Another machine's switch."],
  ],
};

/** Megaflows printed by --once. */
const ONCE_MEGAFLOWS = 10;
const WIDTH_MIN = 80;

/** Runs the command. */
export async function run(args: Arguments): Promise<void> {
  const state: TopState = {
    ...firstTopState,
    sort: readSort(args.text("sort")),
    search: args.text("search") ?? "",
    filter: args.text("filter") ?? "",
    everyMs: args.durationMs("every", firstTopState.everyMs),
  };
  const [once, json] = [args.flag("once"), args.flag("json")];
  if (!once && !json && !process.stdout.isTTY) {
    throw new UsageError("top needs a terminal; with --once or --json it does without");
  }
  const client = await ControlClient.connect(args.text("attach"));
  try {
    const watcher = new TopWatcher(client);
    if (once || json) await print(watcher, state, { once, json });
    else await watch(watcher, state);
  } finally {
    client.close();
  }
}

function readSort(text: string | undefined): TopState["sort"] {
  const sort = topSorts.find((one) => one === (text ?? firstTopState.sort));
  if (sort === undefined) throw new UsageError(`--sort takes ${topSorts.join(", ")}, got "${text}"`);
  return sort;
}

/** Prints look after look, or one. */
async function print(
  watcher: TopWatcher,
  state: TopState,
  { once, json }: { readonly once: boolean; readonly json: boolean },
): Promise<void> {
  await watcher.look(state);
  do {
    await sleep(state.everyMs);
    const frame = await watcher.look(state);
    if (frame.problem !== undefined) throw new UsageError(frame.problem);
    if (json) process.stdout.write(`${JSON.stringify(frame)}\n`);
    else {
      const width = Math.max(WIDTH_MIN, process.stdout.columns ?? 0);
      process.stdout.write(`${onceLines(frame, state, width, ONCE_MEGAFLOWS).join("\n")}\n`);
    }
  } while (!once);
}

/** Shows look after look until somebody has seen enough. */
async function watch(watcher: TopWatcher, first: TopState): Promise<void> {
  let state = first;
  let frame: TopFrame | undefined;
  let wake = (): void => {};
  const draw = (): void => {
    if (frame !== undefined) screen.draw(topLines(frame, state, screen.width, screen.height));
  };
  const screen = new TopScreen((text) => {
    const before = state;
    for (const key of keysOf(text)) state = afterKey(state, key);
    draw();
    // What changes the question is asked at once.
    const asked = (["sort", "search", "filter"] as const).some((name) => before[name] !== state[name]);
    if (state.quit || asked || before.everyMs !== state.everyMs || (before.paused && !state.paused)) wake();
  }, draw);
  try {
    await watcher.look(state);
    await sleep(Math.min(500, state.everyMs));
    while (!state.quit) {
      if (!state.paused || frame === undefined) frame = await watcher.look(state);
      if (state.quit) return;
      draw();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, state.everyMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    screen.close();
  }
}
