// The control socket: JSON-RPC on a unix socket, as Open vSwitch's unixctl, so that `ovs-appctl -t` works. Each client
// is served one request after the other; one that does not read its answer waits alone.

import { chmodSync, lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { MegaflowError } from "../errors.ts";
import type { ControlAnswer, ControlContext } from "./command.ts";
import { controlErrorText, runControlCommand } from "./commands.ts";
import { JsonSplitter } from "./json-splitter.ts";

/** Longest request. */
const REQUEST_BYTES_MAX = 1 << 20;
/** Characters of an answer that are handed to the socket at a time. */
const PIECE = 1 << 16;
/** Most clients at a time. */
const CLIENTS_MAX = 64;
/** A client that has not taken a piece of its answer by then is cut off. */
const STALLED_MS = 60_000;
/** How long the rest of what made no sense is still read. */
const HANG_UP_MS = 5000;

interface Request {
  readonly id: unknown;
  readonly method: string;
  readonly params: readonly string[];
}

/** See the head of the file. */
export class ControlServer {
  readonly path: string;
  readonly #context: ControlContext;
  readonly #server: Server;
  readonly #clients = new Set<Socket>();
  readonly #inode: number;

  private constructor(path: string, context: ControlContext, server: Server) {
    this.path = path;
    this.#context = context;
    this.#server = server;
    this.#inode = lstatSync(path).ino;
    server.on("connection", (socket) => this.#serve(socket));
  }

  /**
   * Listens at `path`, which only this user may open; a socket that nobody answers at any more is replaced.
   * @throws MegaflowError `CONTROL_IN_USE` when somebody answers there, `CONTROL_PATH` when something else is there.
   */
  static async listen(path: string, context: ControlContext): Promise<ControlServer> {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    await clearWay(path);
    const server = createServer({ pauseOnConnect: false });
    // Nobody else can open it, not even between its creation and chmod.
    const before = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(path, () => {
          server.off("error", reject);
          resolve();
        });
      });
    } finally {
      process.umask(before);
    }
    chmodSync(path, 0o600);
    return new ControlServer(path, context, server);
  }

  /** Stops listening, cuts all clients off and removes the socket. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#clients) socket.destroy();
    await closed;
    try {
      // Node removes the socket itself; another switch may have put its own there.
      if (lstatSync(this.path).ino === this.#inode) unlinkSync(this.path);
    } catch {
      // It is gone.
    }
  }

  #serve(socket: Socket): void {
    if (this.#clients.size >= CLIENTS_MAX) {
      socket.destroy();
      return;
    }
    this.#clients.add(socket);
    const splitter = new JsonSplitter(REQUEST_BYTES_MAX);
    let tail: Promise<void> = Promise.resolve();
    // A client that goes away in the middle of something is its own affair.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#clients.delete(socket));
    socket.on("data", (bytes: Buffer) => {
      const answer = this.#read(splitter, bytes);
      // What comes next waits in the kernel until this is answered.
      socket.pause();
      tail = tail
        .then(() => answer(socket))
        .then(
          () => void socket.resume(),
          () => void socket.destroy(),
        );
    });
  }

  /** Returns what is to be done about the bytes that came. */
  #read(splitter: JsonSplitter, bytes: Buffer): (socket: Socket) => Promise<void> {
    let objects: unknown[];
    try {
      objects = splitter.push(bytes);
    } catch (error) {
      return async (socket) => {
        await send(socket, null, null, controlErrorText(error));
        hangUp(socket);
      };
    }
    return async (socket) => {
      for (const object of objects) await this.#answer(socket, object);
    };
  }

  async #answer(socket: Socket, object: unknown): Promise<void> {
    const request = asRequest(object);
    if (request === undefined) {
      const { id = null } = object as { id?: unknown };
      await send(socket, id, null, 'a request is {"id": ..., "method": "...", "params": ["...", ...]}');
      return;
    }
    let result: ControlAnswer | null = null;
    let refusal: string | null = null;
    try {
      result = await runControlCommand(this.#context, request.method, request.params);
    } catch (error) {
      refusal = controlErrorText(error);
    }
    await send(socket, request.id, result, refusal);
  }
}

/** Ends a conversation that makes no sense any more; what still comes is thrown away, so that the answer arrives. */
function hangUp(socket: Socket): void {
  socket.removeAllListeners("data");
  socket.end();
  socket.resume();
  setTimeout(() => socket.destroy(), HANG_UP_MS).unref();
}

function asRequest(object: unknown): Request | undefined {
  const { id = null, method, params = [] } = object as Record<string, unknown>;
  if (typeof method !== "string" || !Array.isArray(params)) return undefined;
  if (!params.every((one) => typeof one === "string")) return undefined;
  return { id, method, params: params as string[] };
}

/** Sends an answer in pieces, each when the one before is on its way. */
async function send(
  socket: Socket,
  id: unknown,
  result: ControlAnswer | null,
  error: string | null,
): Promise<void> {
  await write(socket, `{"id":${JSON.stringify(id)},"result":`);
  if (result === null) await write(socket, "null");
  else {
    await write(socket, '"');
    for (const piece of pieces(result)) await write(socket, JSON.stringify(piece).slice(1, -1));
    await write(socket, '"');
  }
  // Open vSwitch ends its error texts with a line end.
  await write(socket, `,"error":${error === null ? "null" : JSON.stringify(`${error}\n`)}}\n`);
}

function* pieces(answer: ControlAnswer): Generator<string> {
  if (typeof answer === "string") {
    yield answer;
    return;
  }
  let text = "";
  for (const line of answer) {
    text += `${line}\n`;
    if (text.length < PIECE) continue;
    yield text;
    text = "";
  }
  yield text;
}

async function write(socket: Socket, text: string): Promise<void> {
  if (socket.destroyed) throw new MegaflowError("CONTROL_CLOSED", "the client has gone");
  if (text === "" || socket.write(text)) return;
  await new Promise<void>((resolve, reject) => {
    const stalled = setTimeout(() => settle(reject), STALLED_MS);
    const done = () => settle(resolve);
    const gone = () => settle(reject);
    const settle = (how: () => void) => {
      clearTimeout(stalled);
      socket.off("drain", done);
      socket.off("close", gone);
      how();
    };
    socket.once("drain", done);
    socket.once("close", gone);
  });
}

/** Removes a socket that nobody answers at. */
async function clearWay(path: string): Promise<void> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) return;
  if (!there.isSocket()) {
    throw new MegaflowError(
      "CONTROL_PATH",
      `${path} is there and is no socket: remove it, or choose another path`,
    );
  }
  if (await answers(path)) {
    throw new MegaflowError(
      "CONTROL_IN_USE",
      `${path} belongs to a process that is running (another switch?): end that one, or choose another path with control: or --control`,
    );
  }
  unlinkSync(path);
}

/** Whether a process listens at the socket. */
export function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (alive: boolean) => {
      socket.destroy();
      resolve(alive);
    };
    socket.once("connect", () => settle(true));
    // A queue that is full belongs to somebody who is alive.
    socket.once("error", (error: NodeJS.ErrnoException) => settle(error.code === "EAGAIN"));
  });
}
