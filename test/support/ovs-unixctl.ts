// A client of Open vSwitch's control sockets (unixctl): JSON-RPC over a unix socket, one request at a time.
// Talking to the socket from here costs 50 us a command where starting `ovs-appctl` costs 5 ms.

import { connect, type Socket } from "node:net";

interface Reply {
  id: number;
  result: string | null;
  error: string | null;
}

/** One connection to a daemon's control socket. */
export class Unixctl {
  readonly #socket: Socket;
  #received = "";
  #waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | undefined;
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => this.#onText(text));
    const fail = (error: Error) => {
      this.#waiting?.reject(error);
      this.#waiting = undefined;
    };
    socket.on("error", fail);
    socket.on("close", () => fail(new Error("the control socket was closed: the daemon has ended")));
  }

  /** Connects to the control socket at `path`. */
  static connect(path: string): Promise<Unixctl> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new Unixctl(socket));
      });
    });
  }

  /** Runs a command and returns its text; rejects with the daemon's own message. */
  run(method: string, ...params: string[]): Promise<string> {
    return this.begin(method, ...params).answer;
  }

  /** Runs a command whose answer may need another one: `sent` resolves when the daemon's socket holds the request. */
  begin(method: string, ...params: string[]): { sent: Promise<void>; answer: Promise<string> } {
    let onSent = () => {};
    const written = new Promise<void>((resolve) => {
      onSent = resolve;
    });
    const answer = this.#tail.then(async () => {
      const reply = await this.#request(method, params, onSent);
      if (reply.error !== null)
        throw new Error(`${method} ${params.join(" ").slice(0, 200)}: ${reply.error}`);
      return reply.result ?? "";
    });
    this.#tail = answer.catch(() => {});
    return { sent: Promise.race([written, answer.then(() => {})]), answer };
  }

  close(): void {
    this.#socket.destroy();
  }

  #request(method: string, params: string[], onSent: () => void): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new Error("the control socket is closed: the daemon has ended"));
        return;
      }
      this.#waiting = { resolve, reject };
      this.#socket.write(JSON.stringify({ id: 0, method, params }), () => onSent());
    });
  }

  /** A reply carries no length: it is whole when it parses. */
  #onText(text: string): void {
    this.#received += text;
    if (!this.#received.trimEnd().endsWith("}")) return;
    let reply: Reply;
    try {
      reply = JSON.parse(this.#received) as Reply;
    } catch {
      return;
    }
    this.#received = "";
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(reply);
  }
}
