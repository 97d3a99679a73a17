// Turns errors into what a person reads and what a script tests: one line and an exit status.

import { MegaflowError } from "../errors.ts";

/** Done. */
export const EXIT_DONE = 0;
/** The command was right and could not be carried out. */
export const EXIT_FAILED = 1;
/** The command line or its input was wrong. */
export const EXIT_MISUSE = 2;

/** Codes of errors that the caller's input explains. */
const misuseCodes: ReadonlySet<string> = new Set([
  "USAGE",
  "CONFIG",
  "CONFIG_FILE",
  "FLOW_SYNTAX",
  "FLOW_UNSUPPORTED",
  "ODP_SYNTAX",
  "PACKET_SYNTAX",
  "CAPTURE_FORMAT",
  "BENCH_RESULT",
  // Sizes that do not fit together: the settings are to blame.
  "MEMORY_EXHAUSTED",
]);

/** What the file system says about a name that does not lead to a usable file. */
const fileReasons: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EACCES: "permission denied",
  EISDIR: "is a folder, not a file",
  ENOTDIR: "is not a folder",
  EEXIST: "is there already, and not a folder",
};

/** Returns the exit status for an error. */
export function exitStatus(error: unknown): number {
  if (error instanceof MegaflowError) return misuseCodes.has(error.code) ? EXIT_MISUSE : EXIT_FAILED;
  return fileReason(error) === undefined ? EXIT_FAILED : EXIT_MISUSE;
}

/** Returns what to print on standard error, without a line end; with the stack when `verbose`. */
export function errorText(error: unknown, verbose: boolean): string {
  const lines = reason(error)
    .split("\n")
    .map((line) => `megaflow: ${line}`);
  if (verbose && error instanceof Error && error.stack !== undefined) lines.push(error.stack);
  return lines.join("\n");
}

function reason(error: unknown): string {
  if (error instanceof MegaflowError) return error.message;
  const file = fileReason(error);
  if (file !== undefined) return file;
  if (isSystemError(error)) return error.message;
  return `a mistake in Megaflow itself: ${error instanceof Error ? error.message : String(error)} (see --verbose)`;
}

function fileReason(error: unknown): string | undefined {
  if (!isSystemError(error) || error.path === undefined) return undefined;
  const why = fileReasons[error.code as string];
  return why === undefined ? undefined : `${error.path}: ${why}`;
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error && "code" in error;
}
