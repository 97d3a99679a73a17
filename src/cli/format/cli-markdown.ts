// docs/cli.md: every command with its help, and what all of them have in common.

import type { CommandSpec } from "../options.ts";
import { commandHelp } from "./help.ts";

/** Returns docs/cli.md. */
export function cliMarkdown(commands: readonly CommandSpec[]): string {
  const lines = [
    "# The `megaflow` command",
    "",
    "Generated from the tables in `src/cli/commands/` by `npm run gen`. Do not edit.",
    "",
    ...common,
    "",
    ...runFile,
  ];
  for (const command of commands) {
    lines.push("", `## megaflow ${command.name}`, "", "```text", commandHelp(command).trimEnd(), "```");
  }
  return `${lines.join("\n")}\n`;
}

const common = [
  "| exit status | meaning |",
  "| --- | --- |",
  "| 0 | done |",
  "| 1 | the command was right and could not be carried out: a capture that is cut off, a full disk |",
  "| 2 | the command line or its input is wrong: an unknown option, a missing file, a mistake in a flow file |",
  "",
  "Results go to standard output, everything else to standard error: an error is one line that starts with",
  "`megaflow: ` (a YAML file's mistakes are a line each). `--verbose` adds the stack. `--json` prints the objects",
  "that [json.md](json.md) describes. Settings and profiles are in [settings.md](settings.md).",
];

const runFile = [
  "## The file of `megaflow run`",
  "",
  "```yaml",
  "bridge: br0                # name of the bridge",
  "cores: [1, 3]              # CPU numbers, one PMD each; default [0]",
  "profile: default           # default, kernel, userspace or microflow",
  "settings:                  # as --set takes them",
  "  microflow.entries: 64k",
  "seed: 1                    # of every hash; random when left out",
  "ports:",
  "  - {number: 1, name: lan, kind: trace, file: captures/in.pcap}   # from memory, round and round",
  "  - {number: 2, kind: pcap, read: in.pcap.gz, write: out.pcap}    # once; what is sent goes to `write`",
  "  - {number: 3, kind: null}                                       # counts and forgets",
  "flows: [base.flows, more.flows]   # a file, a list of files, or the rules themselves:",
  "groups: |",
  "  group_id=1,type=all,bucket=output:2,bucket=output:3",
  "meters: []                 # the same as flows and groups",
  "```",
  "",
  "Files are looked for beside the YAML file. `ports` and `flows` have to be there, the rest has defaults.",
];
