// What a measurement ran on and with: a number without its machine says nothing.

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { type Environment, readEnvironment } from "../bench/environment.ts";
import type { ProfileName } from "../config/profiles.ts";
import type { Settings } from "../config/settings.ts";
import { projectFile } from "../project.ts";

/** How the switch was set up. */
export interface SwitchEnvironment {
  /** Version of the package. */
  readonly megaflow: string;
  readonly profile: ProfileName;
  readonly settings: Settings;
  /** Which PMD ran where. */
  readonly placement: readonly string[];
  /** TSC cycles a nanosecond, or null where that is not known. */
  readonly cyclesPerNs: number | null;
}

/** Machine and switch. */
export type MeasurementEnvironment = SwitchEnvironment & Environment;

/** Returns the environment of a measurement; `others` are the processes that disturbed it. */
export function environmentOf(
  setup: Omit<SwitchEnvironment, "megaflow">,
  others: readonly string[],
): MeasurementEnvironment {
  return { megaflow: packageVersion(), ...setup, ...readEnvironment(others) };
}

/** Returns the version of the package. */
export function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(projectFile("package.json"), "utf8")) as { version: string };
  return manifest.version;
}

/** CPU for a single PMD: the second, which leaves the first to the controller, or the only one. */
export function defaultCore(): number {
  return availableParallelism() > 1 ? 1 : 0;
}
