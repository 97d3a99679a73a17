// Where the page listens: `127.0.0.1:9080`, `[::1]:9080`, `localhost:9080` or a port alone. Whoever wants to be
// heard by other machines has to say so, since what the page shows is not encrypted.

import { isIP } from "node:net";
import { ConfigError } from "../errors.ts";

/** Where to listen. */
export interface ListenAddress {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
}

/** Parses an address to listen on. Throws ConfigError, also for one that other machines reach unless `remote`. */
export function parseListenAddress(text: string, remote: boolean): ListenAddress {
  const parts = /^(?:(\[[0-9a-fA-F:.]+\]|[^:[\]]+):)?([0-9]{1,5})$/.exec(text.trim());
  const port = Number(parts?.[2]);
  const host = (parts?.[1] ?? "127.0.0.1").replace(/^\[|\]$/g, "");
  if (parts === null || port > 65_535 || !(host === "localhost" || isIP(host) !== 0)) {
    throw new ConfigError("http", { expected: "ADDRESS:PORT such as 127.0.0.1:9080", got: text });
  }
  if (!remote && !isLoopback(host)) {
    throw new ConfigError(
      `http: other machines reach ${host}, and the page is neither encrypted nor secret`,
      {
        expected: "an address on loopback such as 127.0.0.1:9080, or remote: true (--http-remote)",
        got: text,
      },
    );
  }
  return { host, port };
}

/** Whether only this machine reaches an address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** The address as it stands in a URL. */
export function urlOf(host: string, port: number): string {
  return `http://${isIP(host) === 6 ? `[${host}]` : host}:${port}/`;
}
