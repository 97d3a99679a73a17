// Help texts, laid out from the tables of commands and options.

import type { CommandSpec, OptionSpec } from "../options.ts";
import { commonOptions } from "../options.ts";
import { wrap } from "./wrap.ts";

/** Columns of a help text. */
const WIDTH = 100;

/** Returns the help of one command. */
export function commandHelp(spec: CommandSpec): string {
  const lines = [spec.summary, "", "Usage:"];
  for (const usage of spec.usage) lines.push(`  megaflow ${spec.name} ${usage}`);
  for (const paragraph of spec.details) lines.push("", ...wrap(paragraph, WIDTH));
  lines.push("", "Options:", ...optionLines([...spec.options, ...commonOptions]));
  lines.push("", "Examples:");
  for (const [line, does] of spec.examples) lines.push(`  ${line}`, ...wrap(does, WIDTH, "      "));
  return `${lines.join("\n")}\n`;
}

/** Returns the help of the whole program. */
export function programHelp(commands: readonly CommandSpec[]): string {
  const width = Math.max(...commands.map((command) => command.name.length));
  return [
    "Megaflow: a flow-caching software switch. WASM datapath on pinned cores, OpenFlow rules.",
    "",
    "Usage:",
    "  megaflow COMMAND [OPTIONS]",
    "",
    "Commands:",
    ...commands.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`),
    "",
    "megaflow COMMAND --help says what a command takes, with examples; megaflow --version prints the version.",
    "Exit status: 0 done, 1 failed, 2 wrong command line or input.",
    "",
  ].join("\n");
}

function optionLines(options: readonly OptionSpec[]): string[] {
  const names = options.map(
    (option) => `--${option.name}${option.value === undefined ? "" : ` ${option.value}`}`,
  );
  const column = Math.max(...names.map((name) => name.length)) + 4;
  return options.flatMap((option, i) => {
    const more = option.multiple ? " May be given several times." : "";
    const fallback = option.default === undefined ? "" : ` Default: ${option.default}.`;
    const [first, ...rest] = wrap(`${option.meaning}${more}${fallback}`, WIDTH, " ".repeat(column));
    return [`  ${names[i]}`.padEnd(column) + (first as string).slice(column), ...rest];
  });
}
