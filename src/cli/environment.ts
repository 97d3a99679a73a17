// What a measurement ran on: a number without its machine says nothing.

import { readFileSync } from "node:fs";
import { availableParallelism, cpus, release, type } from "node:os";
import type { Settings } from "../config/settings.ts";
import { projectFile } from "../project.ts";

/** Machine, programs and configuration of a measurement. */
export interface Environment {
  readonly megaflow: string;
  readonly node: string;
  readonly v8: string;
  readonly os: string;
  readonly arch: string;
  readonly cpu: string;
  /** CPUs that this process may use. */
  readonly cpus: number;
  /** TSC cycles a nanosecond, or null where it is not known. */
  readonly cyclesPerNs: number | null;
  readonly placement: readonly string[];
  readonly profile: string;
  readonly settings: Settings;
}

/** Returns the environment of a switch. */
export function environmentOf(
  placement: readonly string[],
  profile: string,
  settings: Settings,
  cyclesPerNs: number | undefined,
): Environment {
  return {
    megaflow: packageVersion(),
    node: process.version,
    v8: process.versions.v8,
    os: `${type()} ${release()}`,
    arch: process.arch,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cpus: availableParallelism(),
    cyclesPerNs: cyclesPerNs ?? null,
    placement,
    profile,
    settings,
  };
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
