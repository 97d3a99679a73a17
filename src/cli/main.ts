#!/usr/bin/env node
// The `megaflow` command: finds the command, runs it, and turns errors into one line and an exit status.

import { UsageError } from "../errors.ts";
import { closestWord } from "./closest-word.ts";
import { commands } from "./commands.ts";
import { packageVersion } from "./environment.ts";
import { EXIT_DONE, errorText, exitStatus } from "./exit.ts";
import { commandHelp } from "./format/help.ts";
import { parseArguments } from "./options.ts";

const specs = commands.map((command) => command.spec);

/** Runs one command line; returns when it is done. */
async function main(args: readonly string[]): Promise<void> {
  const [name, ...rest] = args;
  if (name === undefined) throw new UsageError(`which command? ${specs.map((one) => one.name).join(", ")}`);
  if (name === "--version" || name === "-V") {
    process.stdout.write(`megaflow ${packageVersion()}\n`);
    return;
  }
  const first = commands.find(
    (one) => one.spec.name === (name === "--help" || name === "-h" ? "help" : name),
  );
  if (first === undefined) throw unknownCommand(name);
  const part = first.parts?.find((one) => one.spec.name === `${name} ${rest[0]}`);
  const command = part ?? first;
  const parsed = parseArguments(command.spec, part === undefined ? rest : rest.slice(1));
  if (parsed.flag("help")) process.stdout.write(commandHelp(command.spec));
  else await command.run(parsed, specs);
}

function unknownCommand(name: string): UsageError {
  const names = specs.map((one) => one.name);
  const closest = closestWord(name, names);
  const hint = closest === undefined ? `the commands are ${names.join(", ")}` : `did you mean ${closest}?`;
  return new UsageError(`unknown command "${name}"; ${hint}`);
}

// A reader that has seen enough, as in `megaflow replay --json | head`, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(EXIT_DONE);
});

const args = process.argv.slice(2);
try {
  await main(args);
} catch (error) {
  process.stderr.write(`${errorText(error, args.includes("--verbose"))}\n`);
  process.exitCode = exitStatus(error);
}
