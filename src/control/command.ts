// What a command of the control socket is, and what commands may ask of the process that runs the switch.

import { MegaflowError } from "../errors.ts";
import type { Switch } from "../switch.ts";
import type { UsageHistory } from "./usage-history.ts";

/** What commands work on. */
export interface ControlContext {
  readonly owner: Switch;
  /** `megaflow 0.1.0` */
  readonly version: string;
  readonly history: UsageHistory;
  /** Ends the process in order. */
  readonly exit: () => void;
}

/** An answer: text as it is, or lines, each of which gets a line end. */
export type ControlAnswer = string | readonly string[];

/** One command. */
export interface ControlCommand {
  readonly name: string;
  /** Its arguments, for list-commands. */
  readonly usage: string;
  readonly min: number;
  readonly max: number;
  readonly run: (context: ControlContext, args: readonly string[]) => ControlAnswer | Promise<ControlAnswer>;
}

/** A command that cannot be carried out: the message is what the client gets. */
export class ControlError extends MegaflowError {
  constructor(message: string) {
    super("CONTROL", message);
  }
}

/** Name of the one datapath, as Open vSwitch names its own `netdev@ovs-netdev`. */
export function datapathName({ owner }: ControlContext): string {
  return `megaflow@${owner.bridge.name}`;
}

/** Checks an argument that names the datapath. Throws ControlError. */
export function checkDatapath(context: ControlContext, name: string | undefined): void {
  const own = datapathName(context);
  // Scripts written for Open vSwitch name the userspace datapath; there is only this one.
  if (name === undefined || [own, context.owner.bridge.name, "netdev@ovs-netdev"].includes(name)) return;
  throw new ControlError(`opening datapath ${name} failed (No such device): the datapath is ${own}`);
}

/** Checks an argument that names a bridge. Throws ControlError. */
export function checkBridge({ owner }: ControlContext, name: string | undefined): void {
  if (name === undefined || name === owner.bridge.name) return;
  throw new ControlError(`no such bridge: the bridge is ${owner.bridge.name}`);
}

/** Takes `-name` or `-name value` out of the arguments; returns what is left. */
export function takeOptions(
  args: readonly string[],
  flags: readonly string[],
  valued: readonly string[] = [],
): { options: Map<string, string>; rest: string[] } {
  const options = new Map<string, string>();
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (flags.includes(arg)) options.set(arg, "");
    else if (valued.includes(arg)) {
      const value = args[++i];
      if (value === undefined) throw new ControlError(`${arg} needs a value`);
      options.set(arg, value);
    } else if (arg.startsWith("-")) {
      throw new ControlError(`unknown option ${arg}; the options are ${[...flags, ...valued].join(" ")}`);
    } else rest.push(arg);
  }
  return { options, rest };
}
