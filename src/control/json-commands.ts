// What Open vSwitch has no command for: snapshots, megaflows and settings as JSON.

import { parseAssignments } from "../config/profiles.ts";
import { settingKeys } from "../config/settings.ts";
import { listMegaflows } from "../observe/megaflows.ts";
import { takeSnapshot } from "../observe/snapshot.ts";
import type { ControlAnswer, ControlCommand, ControlContext } from "./command.ts";
import { readQuery, refuseFilter } from "./dpctl-commands.ts";

export const jsonCommands: readonly ControlCommand[] = [
  { name: "snapshot", usage: "", min: 0, max: 0, run: ({ owner }) => json(takeSnapshot(owner)) },
  {
    name: "megaflows",
    usage: "[filter=MATCH] [search=WORDS] [sort=packets|bytes|used] [limit=N] [pmd=CORE]",
    min: 0,
    max: 6,
    run: megaflows,
  },
  { name: "settings", usage: "", min: 0, max: 0, run: ({ owner }) => json(owner.settings, 2) },
  { name: "set", usage: "KEY=VALUE...", min: 1, max: settingKeys.length, run: set },
];

async function megaflows(context: ControlContext, args: readonly string[]): Promise<ControlAnswer> {
  const { query, pmd } = readQuery(context, args);
  const wanted = pmd === undefined ? query : { ...query, pmd };
  return json(await listMegaflows(context.owner, wanted).catch(refuseFilter));
}

/** Answers when every PMD works with the new values: with the values of the keys named. */
async function set({ owner }: ControlContext, args: readonly string[]): Promise<ControlAnswer> {
  const changes = parseAssignments(args);
  const settings = await owner.changeSettings(changes);
  const keys = settingKeys.filter((key) => key in changes);
  return json(Object.fromEntries(keys.map((key) => [key, settings[key]])), 2);
}

function json(value: unknown, indent?: number): string {
  return `${JSON.stringify(value, undefined, indent)}\n`;
}
