// Every command of the control socket, and how one is found and carried out.

import { MegaflowError } from "../errors.ts";
import { takeSnapshot } from "../observe/snapshot.ts";
import { bridgeCommands } from "./bridge-commands.ts";
import { type ControlAnswer, type ControlCommand, type ControlContext, ControlError } from "./command.ts";
import { coverageRead, coverageShow } from "./coverage.ts";
import { dpctlCommands } from "./dpctl-commands.ts";
import { jsonCommands } from "./json-commands.ts";
import { pmdCommands } from "./pmd-commands.ts";
import { tuneCommands } from "./tune-commands.ts";

const general: readonly ControlCommand[] = [
  { name: "list-commands", usage: "", min: 0, max: 0, run: listCommands },
  { name: "version", usage: "", min: 0, max: 0, run: ({ version }) => [version] },
  { name: "exit", usage: "[--cleanup]", min: 0, max: 1, run: exit },
  { name: "memory/show", usage: "", min: 0, max: 0, run: memoryShow },
  { name: "coverage/show", usage: "", min: 0, max: 0, run: coverageShow },
  { name: "coverage/read-counter", usage: "COUNTER", min: 1, max: 1, run: coverageRead },
];

/** Every command, by name. */
export const controlCommands: readonly ControlCommand[] = [
  ...general,
  ...dpctlCommands,
  ...pmdCommands,
  ...bridgeCommands,
  ...jsonCommands,
  ...tuneCommands,
].sort((a, b) => (a.name < b.name ? -1 : 1));

/** Carries a command out. Throws MegaflowError with what the client is to read. */
export async function runControlCommand(
  context: ControlContext,
  method: string,
  args: readonly string[],
): Promise<ControlAnswer> {
  const command = controlCommands.find((one) => one.name === method);
  if (command === undefined) {
    throw new ControlError(
      `"${method}" is not a valid command (use "list-commands" to see a list of valid commands)`,
    );
  }
  if (args.length < command.min) {
    throw new ControlError(`"${method}" command requires at least ${command.min} arguments`);
  }
  if (args.length > command.max) {
    throw new ControlError(`"${method}" command takes at most ${command.max} arguments`);
  }
  return command.run(context, args);
}

/** Returns what to tell the client about an error. */
export function controlErrorText(error: unknown): string {
  if (error instanceof MegaflowError) return error.message;
  return `a mistake in Megaflow itself: ${error instanceof Error ? error.message : String(error)}`;
}

function listCommands(): ControlAnswer {
  return [
    "The available commands are:",
    ...controlCommands.map(({ name, usage }) => `  ${name.padEnd(23)} ${usage}`.trimEnd()),
  ];
}

function exit(context: ControlContext): ControlAnswer {
  // The answer leaves first.
  setImmediate(context.exit);
  return "";
}

function memoryShow({ owner }: ControlContext): ControlAnswer {
  const { memory, megaflows, masks, rules, macs, ports, pmds } = takeSnapshot(owner);
  const numbers: Record<string, number> = {
    "heap-bytes": memory.heapUsedBytes,
    "linear-bytes": memory.linearBytes,
    macs,
    masks,
    megaflows,
    pmds: pmds.length,
    ports: ports.length,
    "rss-bytes": memory.rssBytes,
    rules,
  };
  return [
    Object.entries(numbers)
      .map(([name, value]) => `${name}:${value}`)
      .join(" "),
  ];
}
