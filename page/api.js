// Talks to the server: JSON both ways, the stream of samples, and the token that changes need.

/** @typedef {import("../src/page/shapes.ts").SampleEvent} SampleEvent */

const TOKEN_KEY = "megaflow-token";

/** An answer that is not a success; `status` is 0 when there was none. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** @returns {string | null} */
export function token() {
  return sessionStorage.getItem(TOKEN_KEY);
}

/** Forgets the token. */
export function forgetToken() {
  sessionStorage.removeItem(TOKEN_KEY);
}

/**
 * Asks the server whether a token is right, and keeps it if so. Rejects with ApiError 401 if not.
 * @param {string} candidate
 */
export async function offerToken(candidate) {
  await send("POST", "/api/token", {}, candidate);
  sessionStorage.setItem(TOKEN_KEY, candidate);
}

/**
 * Reads JSON.
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function read(path, signal) {
  return await parse(fetch(path, { signal: signal ?? null, cache: "no-store" }));
}

/**
 * Changes something; needs the token.
 * @param {string} path
 * @param {object} body
 * @returns {Promise<any>}
 */
export async function change(path, body) {
  return await send("POST", path, body, token() ?? "");
}

/**
 * @param {string} method
 * @param {string} path
 * @param {object} body
 * @param {string} secret
 */
function send(method, path, body, secret) {
  // A header holds printable ASCII alone; nothing else can be the token.
  const credential = /^[\x21-\x7e]+$/.test(secret) ? `Bearer ${secret}` : "Bearer -";
  const headers = { "Content-Type": "application/json", Authorization: credential };
  return parse(fetch(path, { method, headers, body: JSON.stringify(body) }));
}

/** @param {Promise<Response>} request */
async function parse(request) {
  const response = await request.catch((error) => {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "the switch does not answer");
  });
  const value = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, String(value.error ?? `status ${response.status}`));
  return value;
}

/**
 * Listens to the samples for as long as the page is open, through breaks.
 * @param {(event: SampleEvent) => void} take
 * @param {(state: "live" | "lost") => void} tell
 */
export function listen(take, tell) {
  const events = new EventSource("/api/events");
  events.addEventListener("open", () => tell("live"));
  events.addEventListener("sample", (event) => take(JSON.parse(event.data)));
  events.addEventListener("error", () => {
    tell("lost");
    if (events.readyState !== EventSource.CLOSED) return;
    // Refused for good, so the browser gives up; the server may have room again later.
    setTimeout(() => listen(take, tell), 3000);
  });
}
