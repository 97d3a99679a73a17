// Who may do what: the token that changes need, the Host header that a rebound DNS name gives away, and the
// headers that keep other sites and inserted scripts out.

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { isLoopback } from "../config/listen-address.ts";

/** A new token: 128 random bits in 22 characters that need no quoting. */
export function createToken(): string {
  return randomBytes(16).toString("base64url");
}

/** Whether a request carries the token (`Authorization: Bearer TOKEN`); takes equally long for any wrong one. */
export function hasToken(request: IncomingMessage, token: string): boolean {
  const given = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  return given !== undefined && timingSafeEqual(digest(given), digest(token));
}

/**
 * Whether the Host header is one under which this server may be asked for. A page of another site can make its own
 * name point here, but the browser then still sends that name: only loopback names pass, and for a server that
 * other machines reach also IP addresses and the machine's name. The port is free, as tunnels change it.
 */
export function isHostAllowed(header: string | undefined, remote: boolean): boolean {
  const name = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::[0-9]{1,5})?$/i.exec(header ?? "")?.[1];
  if (name === undefined) return false;
  const host = name.replace(/^\[|\]$/g, "").toLowerCase();
  if (isLoopback(host)) return true;
  return remote && (isIP(host) !== 0 || host === hostname().toLowerCase());
}

/** Headers of every answer. */
export function setSafeHeaders(response: ServerResponse): void {
  for (const [name, value] of Object.entries(safeHeaders)) response.setHeader(name, value);
}

const safeHeaders = {
  // Nothing but the page's own files, and no HTML made from text.
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
} as const;

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
