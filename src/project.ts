// Where the package's own files are, whether the code runs from src (tsx) or from dist.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = findRoot(dirname(fileURLToPath(import.meta.url)));

/** Absolute path of a file of the package, given from its root. */
export function projectFile(path: string): string {
  return join(root, path);
}

function findRoot(folder: string): string {
  let at = folder;
  while (!existsSync(join(at, "asconfig.json"))) {
    const up = dirname(at);
    if (up === at) throw new Error(`no asconfig.json above ${folder}: the package is not complete`);
    at = up;
  }
  return at;
}
