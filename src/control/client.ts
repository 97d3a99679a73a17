// A client of control sockets, for `megaflow ctl`, `top` and `tune --attach`; it talks to Open vSwitch's daemons too.

import { connect, type Socket } from "node:net";
import { MegaflowError } from "../errors.ts";
import { JsonSplitter } from "./json-splitter.ts";
import { answers } from "./server.ts";
import { knownSockets, runDirectory, socketPath } from "./socket-path.ts";

/** Longest answer: half a million megaflows. */
const ANSWER_BYTES_MAX = 400 << 20;

interface Reply {
  readonly id: unknown;
  readonly result: string | null;
  readonly error: string | null;
}

interface Waiting {
  readonly resolve: (text: string) => void;
  readonly reject: (error: Error) => void;
}

/** One connection. Answers come in the order of the requests. */
export class ControlClient {
  readonly path: string;
  readonly #socket: Socket;
  readonly #splitter = new JsonSplitter(ANSWER_BYTES_MAX);
  readonly #waiting: Waiting[] = [];
  #nextId = 1;

  private constructor(path: string, socket: Socket) {
    this.path = path;
    this.#socket = socket;
    const lost = () => this.#fail(new MegaflowError("CONTROL_CLOSED", `${path}: the switch has ended`));
    socket.on("error", lost);
    socket.on("close", lost);
    socket.on("data", (bytes: Buffer) => this.#onData(bytes));
  }

  /**
   * Connects to a socket by name or path; without one, to the only switch that is running.
   * @throws MegaflowError `CONTROL_ABSENT` when there is none or more than one.
   */
  static async connect(nameOrPath?: string): Promise<ControlClient> {
    const path = nameOrPath === undefined ? await onlySwitch() : socketPath(nameOrPath);
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once("error", (error: NodeJS.ErrnoException) => reject(absent(path, error)));
      socket.once("connect", () => {
        socket.removeAllListeners("error");
        resolve(new ControlClient(path, socket));
      });
    });
  }

  /** Runs a command; rejects with MegaflowError `CONTROL_REFUSED` and what the switch says. */
  run(method: string, ...params: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new MegaflowError("CONTROL_CLOSED", `${this.path}: the switch has ended`));
        return;
      }
      this.#waiting.push({ resolve, reject });
      this.#socket.write(JSON.stringify({ id: this.#nextId++, method, params }));
    });
  }

  /** Runs a command whose answer is JSON. */
  async json<T>(method: string, ...params: string[]): Promise<T> {
    return JSON.parse(await this.run(method, ...params)) as T;
  }

  /** Ends the connection. */
  close(): void {
    this.#socket.destroy();
  }

  #onData(bytes: Buffer): void {
    let replies: unknown[];
    try {
      replies = this.#splitter.push(bytes);
    } catch (error) {
      this.#fail(error as Error);
      this.#socket.destroy();
      return;
    }
    for (const reply of replies) {
      const { result, error } = reply as Reply;
      const waiting = this.#waiting.shift();
      if (error === null || error === undefined) waiting?.resolve(result ?? "");
      else waiting?.reject(new MegaflowError("CONTROL_REFUSED", error.trimEnd()));
    }
  }

  #fail(error: Error): void {
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
  }
}

async function onlySwitch(): Promise<string> {
  const alive: string[] = [];
  for (const path of knownSockets()) if (await answers(path)) alive.push(path);
  if (alive.length === 1) return alive[0] as string;
  if (alive.length === 0) {
    throw new MegaflowError(
      "CONTROL_ABSENT",
      `no switch is running: there is no live control socket in ${runDirectory()}; name one with --attach SOCKET`,
    );
  }
  const names = alive.join(", ");
  throw new MegaflowError(
    "CONTROL_ABSENT",
    `several switches are running (${names}): choose with --attach SOCKET`,
  );
}

function absent(path: string, error: NodeJS.ErrnoException): MegaflowError {
  const why =
    error.code === "ENOENT"
      ? "there is no such socket"
      : error.code === "ECONNREFUSED"
        ? "nobody answers there: the switch has ended"
        : error.message;
  return new MegaflowError("CONTROL_ABSENT", `${path}: ${why}`);
}
