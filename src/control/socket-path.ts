// Where control sockets lie: RUNDIR/NAME.ctl, where RUNDIR is $MEGAFLOW_RUNDIR, else /run/megaflow for root, else
// the user's own folder for such things.

import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { MegaflowError } from "../errors.ts";

/** Longest path of a unix socket on Linux (unix(7)): 108 bytes with the zero at its end. */
const PATH_BYTES_MAX = 107;
const SUFFIX = ".ctl";

/** Returns the folder of control sockets. */
export function runDirectory(): string {
  const { MEGAFLOW_RUNDIR: chosen, XDG_RUNTIME_DIR: user } = process.env;
  if (chosen !== undefined && chosen !== "") return chosen;
  const uid = process.getuid?.() ?? 0;
  if (uid === 0) return "/run/megaflow";
  return user !== undefined && user !== "" ? join(user, "megaflow") : join(tmpdir(), `megaflow-${uid}`);
}

/**
 * Returns the path that a name or a path stands for: what has no slash is a name in the run directory.
 * @throws MegaflowError `CONTROL_PATH` when it is too long for a socket.
 */
export function socketPath(nameOrPath: string): string {
  const named = nameOrPath.includes("/") || isAbsolute(nameOrPath);
  const file = nameOrPath.endsWith(SUFFIX) ? nameOrPath : `${nameOrPath}${SUFFIX}`;
  const path = named ? nameOrPath : join(runDirectory(), file);
  const bytes = Buffer.byteLength(path);
  if (bytes <= PATH_BYTES_MAX) return path;
  throw new MegaflowError(
    "CONTROL_PATH",
    `${path} has ${bytes} bytes, the path of a socket at most ${PATH_BYTES_MAX}; choose a shorter one with control: or MEGAFLOW_RUNDIR`,
  );
}

/** Returns the sockets in the run directory, by name. */
export function knownSockets(): string[] {
  const folder = runDirectory();
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(SUFFIX))
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}
