// The table of commands.

import * as bench from "./commands/bench.ts";
import * as benchGen from "./commands/bench-gen.ts";
import * as benchNoDrop from "./commands/bench-no-drop.ts";
import * as ctl from "./commands/ctl.ts";
import * as doctor from "./commands/doctor.ts";
import * as help from "./commands/help.ts";
import * as replay from "./commands/replay.ts";
import * as run from "./commands/run.ts";
import * as top from "./commands/top.ts";
import * as trace from "./commands/trace.ts";
import * as tune from "./commands/tune.ts";
import type { Arguments, CommandSpec } from "./options.ts";

/** A command: what it takes, and what it does. */
export interface Command {
  readonly spec: CommandSpec;
  readonly run: (args: Arguments, commands: readonly CommandSpec[]) => void | Promise<void>;
  /** Commands of two words that begin with this one's name. */
  readonly parts?: readonly Command[];
}

/** Every command, in the order of the help. */
export const commands: readonly Command[] = [
  run,
  replay,
  { ...bench, parts: [benchGen, benchNoDrop] },
  tune,
  trace,
  ctl,
  top,
  doctor,
  help,
];
