// Reads small text files whole.

import { readFileSync } from "node:fs";

/** Returns a file's text. Throws the file system's error, always with the path. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    // Reading a folder fails without saying which.
    if (error instanceof Error) Object.assign(error, { path });
    throw error;
  }
}
