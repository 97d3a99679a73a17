// Serves the live page of a switch: puts together the source and the server.

import { parseListenAddress } from "../config/listen-address.ts";
import type { Switch } from "../switch.ts";
import { pageProfiler } from "./live-curves.ts";
import { PageServer } from "./server.ts";
import type { LiveProfiler } from "./source.ts";
import { SwitchSource } from "./switch-source.ts";

/** How to serve the live page. */
export interface ServePageOptions {
  /** `127.0.0.1:9080`, `[::1]:9080` or a port alone; port 0 = any free one. */
  readonly listen: string;
  /** Allows an address that other machines reach. What the page shows is not encrypted. */
  readonly remote?: boolean;
  /** What changes need; a random one when absent. */
  readonly token?: string;
  /** Shown on the page and in the metrics. */
  readonly version: string;
  /** In place of the switch's own. */
  readonly profiler?: LiveProfiler | undefined;
  /** Told of what should not happen. */
  readonly log?: (line: string) => void;
}

/**
 * Serves the live page, its JSON and the Prometheus metrics of a switch. Close it before the switch.
 * @throws ConfigError for a wrong address, or the error of listening (EADDRINUSE ...).
 */
export async function servePage(owner: Switch, options: ServePageOptions): Promise<PageServer> {
  const { listen, remote = false, version, profiler = pageProfiler(owner), token, log } = options;
  const address = parseListenAddress(listen, remote);
  return await PageServer.start(new SwitchSource(owner, { version, profiler }), {
    ...address,
    remote,
    ...(token === undefined ? {} : { token }),
    ...(log === undefined ? {} : { log }),
  });
}
