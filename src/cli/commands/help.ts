// `megaflow help`: the commands, one of them, or the settings.

import { findProfile, profileNames } from "../../config/profiles.ts";
import { UsageError } from "../../errors.ts";
import { commandHelp, programHelp } from "../format/help.ts";
import { settingsText } from "../format/settings-text.ts";
import type { Arguments, CommandSpec } from "../options.ts";

export const spec: CommandSpec = {
  name: "help",
  summary: "Explain a command, the settings or the profiles.",
  usage: ["[COMMAND | settings | profiles]"],
  details: [],
  operands: { what: "COMMAND", min: 0, max: 1 },
  options: [],
  examples: [
    ["megaflow help replay", "The same as megaflow replay --help."],
    ["megaflow help settings", "Every key that --set takes, with range, default and meaning."],
  ],
};

/** Prints the help for a topic, of the commands given. Throws UsageError for an unknown topic. */
export function run(args: Arguments, commands: readonly CommandSpec[]): void {
  process.stdout.write(helpText(args.operands[0], commands));
}

function helpText(topic: string | undefined, commands: readonly CommandSpec[]): string {
  if (topic === undefined) return programHelp(commands);
  if (topic === "settings") return settingsText();
  if (topic === "profiles")
    return `${profileNames.map((name) => `${name.padEnd(10)} ${findProfile(name).meaning}`).join("\n")}\n`;
  const command = commands.find((one) => one.name === topic);
  if (command === undefined) {
    const names = commands.map((one) => one.name).join(", ");
    throw new UsageError(`no help for "${topic}"; there is ${names}, settings and profiles`);
  }
  return commandHelp(command);
}
