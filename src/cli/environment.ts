// What the commands know about the package and the machine.

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { projectFile } from "../project.ts";

/** Returns the version of the package. */
export function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(projectFile("package.json"), "utf8")) as { version: string };
  return manifest.version;
}

/** CPU for a single PMD: the second, which leaves the first to the controller, or the only one. */
export function defaultCore(): number {
  return availableParallelism() > 1 ? 1 : 0;
}
