// Opens the control socket of a running switch: where it was told to, or else under the bridge's name in the run
// directory; there is no switch that could not run without that one.

import { lstatSync, rmSync } from "node:fs";
import { MegaflowError } from "../errors.ts";
import { takeSnapshot } from "../observe/snapshot.ts";
import type { Switch } from "../switch.ts";
import { answers, ControlServer } from "./server.ts";
import { knownSockets, socketPath } from "./socket-path.ts";
import { UsageHistory } from "./usage-history.ts";

/** How to open it. */
export interface ControlOptions {
  /** Name or path; undefined = the bridge's name, or BRIDGE.PID where another switch has that. */
  readonly socket?: string | undefined;
  /** `0.1.0` */
  readonly version: string;
  /** Called by the command `exit`. */
  readonly exit: () => void;
  readonly log: (line: string) => void;
}

/** An open control socket. */
export interface Control {
  readonly path: string;
  close(): Promise<void>;
}

/**
 * Opens the control socket of a switch. A socket that was named and cannot be opened is an error; else one line says
 * why there is none, and the result is undefined.
 * @throws MegaflowError `CONTROL_IN_USE`, `CONTROL_PATH`, or the system's error.
 */
export async function openControl(owner: Switch, options: ControlOptions): Promise<Control | undefined> {
  const history = new UsageHistory(() => takeSnapshot(owner));
  const version = `megaflow ${options.version}`;
  const context = { owner, version, history, exit: options.exit };
  const listen = (name: string) => ControlServer.listen(socketPath(name), context);
  let server: ControlServer;
  try {
    if (options.socket !== undefined) server = await listen(options.socket);
    else {
      await removeDead();
      server = await listen(owner.bridge.name).catch((error: unknown) => {
        const inUse = error instanceof MegaflowError && error.code === "CONTROL_IN_USE";
        if (inUse) return listen(`${owner.bridge.name}.${process.pid}`);
        throw error;
      });
    }
  } catch (error) {
    history.close();
    if (options.socket !== undefined) throw error;
    options.log(`no control socket: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
  return {
    path: server.path,
    close: async () => {
      history.close();
      await server.close();
    },
  };
}

/** Removes what switches that died have left under a process's number: nobody would replace those. */
async function removeDead(): Promise<void> {
  for (const path of knownSockets()) {
    const pid = /\.(\d+)\.ctl$/.exec(path)?.[1];
    if (pid === undefined || isAlive(Number(pid)) || !lstatSync(path).isSocket()) continue;
    if (!(await answers(path))) rmSync(path, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
