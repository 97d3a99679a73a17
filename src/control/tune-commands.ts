// The live profiler behind the control socket: what `megaflow tune --attach` asks for.

import type { ProfileAnswer } from "../tune/attach.ts";
import { missRatioCurves, startProfiler, stopProfiler } from "../tune/profilers.ts";
import { type ControlAnswer, type ControlCommand, type ControlContext, ControlError } from "./command.ts";

export const tuneCommands: readonly ControlCommand[] = [
  { name: "tune/profile", usage: "[start|stop]", min: 0, max: 1, run: profile },
];

/** Starts, shows or ends the profiler; the answer is what it knows, as JSON. */
async function profile({ owner }: ControlContext, [word]: readonly string[]): Promise<ControlAnswer> {
  if (word === "start") startProfiler(owner);
  else if (word === "stop") await stopProfiler(owner);
  else if (word !== undefined) throw new ControlError(`"${word}": tune/profile takes start or stop`);
  const pmds = missRatioCurves(owner);
  const answer: ProfileAnswer = {
    profiling: pmds !== undefined,
    settings: owner.settings,
    masks: Math.max(0, ...owner.pmds.map((pmd) => pmd.stats.masks)),
    megaflows: Math.max(0, ...owner.pmds.map((pmd) => pmd.stats.flows)),
    pmds: pmds ?? [],
  };
  return `${JSON.stringify(answer)}\n`;
}
