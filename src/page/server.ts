// The HTTP server of the live page: its files, its JSON, its events, /metrics, and the few changes that need the
// token. One route a line; docs/live-page.md describes each.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type ListenAddress, urlOf } from "../config/listen-address.ts";
import { MegaflowError } from "../errors.ts";
import { createToken, hasToken, isHostAllowed, setSafeHeaders } from "./access.ts";
import { type Asset, loadAssets } from "./assets.ts";
import { Feed, LISTENER_MAX } from "./feed.ts";
import { type MegaflowQuery, megaflowSorts, type PageSource } from "./source.ts";

/** How to serve the page. */
export interface PageServerOptions extends ListenAddress {
  /** Other machines may ask: their names for this one are allowed as Host. */
  readonly remote?: boolean;
  /** What changes need; a random one when absent. */
  readonly token?: string;
  /** Told of what should not happen. */
  readonly log?: (line: string) => void;
}

/** Longest body that is read. */
const BODY_MAX_BYTES = 16 * 1024;
/** Connections at once: listeners, and room for their other requests. */
const CONNECTION_MAX = LISTENER_MAX * 4;
const ROWS_MAX = 500;
const SEARCH_MAX = 200;

/** A request that is answered with a failure. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** See the head of the file. */
export class PageServer {
  /** What changes need. */
  readonly token: string;
  readonly #source: PageSource;
  readonly #remote: boolean;
  readonly #log: (line: string) => void;
  readonly #server: Server;
  readonly #feed: Feed;
  readonly #assets: ReadonlyMap<string, Asset> = loadAssets();
  #url = "";

  private constructor(source: PageSource, options: PageServerOptions) {
    this.token = options.token ?? createToken();
    this.#source = source;
    this.#remote = options.remote === true;
    this.#log = options.log ?? (() => {});
    this.#feed = new Feed(() => source.read());
    this.#server = createServer(
      { requestTimeout: 10_000, headersTimeout: 10_000, keepAliveTimeout: 30_000, maxHeaderSize: 16 * 1024 },
      (request, response) => void this.#answer(request, response),
    );
    this.#server.maxConnections = CONNECTION_MAX;
  }

  /** Begins to serve. Rejects as listening does, for example when the port is taken. */
  static async start(source: PageSource, options: PageServerOptions): Promise<PageServer> {
    const page = new PageServer(source, options);
    try {
      await new Promise<void>((resolve, reject) => {
        page.#server.once("error", reject);
        page.#server.listen(options.port, options.host, resolve);
      });
    } catch (error) {
      page.#feed.close();
      throw error;
    }
    page.#url = urlOf(options.host, (page.#server.address() as AddressInfo).port);
    return page;
  }

  /** Address of the page. */
  get url(): string {
    return this.#url;
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    this.#feed.close();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    setSafeHeaders(response);
    try {
      if (!isHostAllowed(request.headers.host, this.#remote)) {
        throw new Refusal(421, "this server does not answer under that name; use its address");
      }
      await this.#route(request, response);
    } catch (error) {
      if (response.headersSent) response.destroy();
      else this.#fail(response, error);
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://localhost");
    // An event stream without its body would never end.
    const isHead = request.method === "HEAD" && url.pathname !== "/api/events";
    const what = `${isHead ? "GET" : request.method} ${url.pathname}`;
    const asset = this.#assets.get(url.pathname);
    if (asset !== undefined && isRead(request)) return sendAsset(request, response, asset);
    switch (what) {
      case "GET /api/switch":
        return sendJson(response, this.#source.describe());
      case "GET /api/history":
        return sendPieces(response, this.#feed.historyJson());
      case "GET /api/events":
        if (this.#feed.listen(response)) return;
        throw new Refusal(503, `${LISTENER_MAX} pages are open already`);
      case "GET /api/megaflows":
        return sendJson(response, await this.#source.megaflows(readQuery(url.searchParams)));
      case "GET /api/curves":
        return sendJson(response, this.#source.curves());
      case "GET /metrics":
        return sendText(response, "text/plain; version=0.0.4; charset=utf-8", this.#source.metrics());
      case "POST /api/token":
        this.#demandToken(request);
        return sendJson(response, {});
      case "POST /api/settings":
        return await this.#changeSettings(request, response);
      case "POST /api/profiler":
        return await this.#setProfiling(request, response);
      default:
        throw new Refusal(isRead(request) ? 404 : 405, `there is no ${what}`);
    }
  }

  async #changeSettings(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#demandToken(request);
    await this.#source.changeSettings(await readObject(request));
    const { settings, settingsVersion } = this.#source.describe();
    sendJson(response, { settings, settingsVersion });
  }

  async #setProfiling(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#demandToken(request);
    const { on } = await readObject(request);
    if (typeof on !== "boolean") throw new Refusal(400, 'expected {"on": true} or {"on": false}');
    await this.#source.setProfiling(on);
    sendJson(response, this.#source.curves());
  }

  #fail(response: ServerResponse, error: unknown): void {
    const known = error instanceof Refusal || error instanceof MegaflowError;
    const status = statusOf(error);
    if (status === 401) response.setHeader("WWW-Authenticate", 'Bearer realm="megaflow"');
    // What was not read of a body must not be taken for the next request.
    if (status === 413) response.setHeader("Connection", "close");
    if (!known) this.#log(`live page: ${error instanceof Error ? error.stack : String(error)}`);
    sendJson(response, { error: known ? error.message : "internal error" }, status);
  }

  #demandToken(request: IncomingMessage): void {
    if (hasToken(request, this.token)) return;
    throw new Refusal(401, "changes need the token that megaflow printed at its start");
  }
}

function isRead(request: IncomingMessage): boolean {
  return request.method === "GET" || request.method === "HEAD";
}

function readQuery(query: URLSearchParams): MegaflowQuery {
  const sort = megaflowSorts.find((name) => name === (query.get("sort") ?? "packets"));
  const limit = Number(query.get("limit") ?? 50);
  const search = query.get("search") ?? "";
  if (sort === undefined) throw new Refusal(400, `sort is one of ${megaflowSorts.join(", ")}`);
  if (!Number.isInteger(limit) || limit < 1 || limit > ROWS_MAX) {
    throw new Refusal(400, `limit is a whole number, 1 to ${ROWS_MAX}`);
  }
  if (search.length > SEARCH_MAX) throw new Refusal(400, `search is at most ${SEARCH_MAX} characters long`);
  return { search, sort, limit };
}

/** Reads a JSON object. Its type has to be said, which a form of another site cannot without asking first. */
async function readObject(request: IncomingMessage): Promise<Record<string, unknown>> {
  if (!/^application\/json\b/i.test(request.headers["content-type"] ?? "")) {
    throw new Refusal(415, "the body has to be application/json");
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > BODY_MAX_BYTES) throw new Refusal(413, `a body is at most ${BODY_MAX_BYTES} bytes long`);
    chunks.push(chunk);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Said below, as for any other value.
  }
  throw new Refusal(400, "the body has to be a JSON object");
}

function sendAsset(request: IncomingMessage, response: ServerResponse, asset: Asset): void {
  response.setHeader("ETag", asset.tag);
  response.setHeader("Cache-Control", "no-cache");
  if (request.headers["if-none-match"] === asset.tag) {
    response.writeHead(304).end();
    return;
  }
  response.writeHead(200, { "Content-Type": asset.type, "Content-Length": asset.body.length });
  response.end(request.method === "HEAD" ? undefined : asset.body);
}

function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  sendText(response, "application/json; charset=utf-8", JSON.stringify(value), status);
}

function sendText(response: ServerResponse, type: string, text: string, status = 200): void {
  const body = Buffer.from(text);
  response.writeHead(status, {
    "Content-Type": type,
    "Content-Length": body.length,
    "Cache-Control": "no-store",
  });
  response.end(body);
}

/** Sends JSON as fast as the reader takes it, and no faster. */
async function sendPieces(response: ServerResponse, pieces: Iterable<string>): Promise<void> {
  response.writeHead(200, {
    "Content-Type": "application/json; charset=utf-8",
    "Cache-Control": "no-store",
  });
  await pipeline(Readable.from(pieces), response);
}

function statusOf(error: unknown): number {
  if (error instanceof Refusal) return error.status;
  if (!(error instanceof MegaflowError)) return 500;
  return error.code === "BUSY" ? 503 : 400;
}
