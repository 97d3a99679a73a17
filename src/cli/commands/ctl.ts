// `megaflow ctl`: asks a running switch through its control socket; what ovs-appctl is to Open vSwitch.

import { ControlClient } from "../../control/client.ts";
import { MegaflowError } from "../../errors.ts";
import type { Arguments, CommandSpec, OptionSpec } from "../options.ts";

/** Which switch to talk to. */
export const attachOption: OptionSpec = {
  name: "attach",
  value: "SOCKET",
  meaning: "Control socket of the switch: a path, or a name in the run directory.",
  default: "the only switch that runs",
};

export const spec: CommandSpec = {
  name: "ctl",
  summary: "Ask a running switch, or change it.",
  usage: ["COMMAND [ARGUMENT...] [OPTIONS]"],
  details: [
    "The commands are those of Open vSwitch's ovs-appctl with the same answers (dpctl/show, dpctl/dump-flows, " +
      "dpif-netdev/pmd-perf-show, ofproto/trace ...), and our own: snapshot, megaflows, settings and set answer in JSON. " +
      "list-commands names them all; docs/control.md explains them. Options " +
      "that are not listed here, as -m, are the command's.",
  ],
  operands: { what: "COMMAND", min: 1, max: 32 },
  passOptions: true,
  options: [
    attachOption,
    { name: "json", meaning: "Print one JSON object: the command, and its answer or the refusal." },
  ],
  examples: [
    ["megaflow ctl dpif-netdev/pmd-perf-show", "What every PMD does with its time."],
    ["megaflow ctl dpctl/dump-flows -m filter=tcp", "TCP's megaflows, in full."],
    ["megaflow ctl set microflow.entries=64k maskCache.victim=lru", "Change caches while packets flow."],
    ["megaflow ctl snapshot --attach br0", "Every counter as JSON."],
  ],
};

/** Runs the command. */
export async function run(args: Arguments): Promise<void> {
  const [command, ...params] = args.operands as [string, ...string[]];
  const json = args.flag("json");
  const client = await ControlClient.connect(args.text("attach"));
  try {
    const answer = await client.run(command, ...params);
    if (json) print({ command, answer: parsed(answer), error: null });
    else process.stdout.write(answer);
  } catch (error) {
    if (!json || !(error instanceof MegaflowError) || error.code !== "CONTROL_REFUSED") throw error;
    print({ command, answer: null, error: error.message });
    process.exitCode = 1;
  } finally {
    client.close();
  }
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** An answer that is a JSON object as one, any other as its text. */
function parsed(answer: string): unknown {
  if (!answer.startsWith("{")) return answer;
  try {
    return JSON.parse(answer);
  } catch {
    return answer;
  }
}
