// An OpenFlow 1.4 connection to Open vSwitch's bridge that collects packet-ins and waits at barriers.
// A barrier's reply comes behind every packet-in of the packets processed before it, so it is also how
// the oracle knows that a packet is done.

import { connect, type Socket } from "node:net";

/** A packet that the switch sent to the controller. */
export interface PacketIn {
  reason: "no_match" | "action" | "invalid_ttl" | "action_set" | "group" | "packet_out";
  table: number;
  /** Cookie of the rule that sent it, as `0x...`. */
  cookie: string;
  totalLen: number;
  /** The bytes sent, cut to max_len. */
  hex: string;
}

const VERSION = 5;
const HEADER_SIZE = 8;
const ECHO_REQUEST = 2;
const ECHO_REPLY = 3;
const ERROR = 1;
const SET_CONFIG = 9;
const PACKET_IN = 10;
const BARRIER_REQUEST = 20;
const BARRIER_REPLY = 21;
const SET_ASYNC = 28;
const REASONS: PacketIn["reason"][] = [
  "no_match",
  "action",
  "invalid_ttl",
  "action_set",
  "group",
  "packet_out",
];

/** Listens to a bridge's management socket. */
export class OvsMonitor {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #barriers: (() => void)[] = [];
  #failed: ((error: Error) => void)[] = [];
  #packetIns: PacketIn[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes) => this.#onBytes(bytes));
    const fail = (error: Error) => {
      for (const reject of this.#failed) reject(error);
      this.#barriers = [];
      this.#failed = [];
    };
    socket.on("error", fail);
    socket.on("close", () => fail(new Error("the OpenFlow connection was closed: the daemon has ended")));
  }

  /** Connects to `path` (`<rundir>/br0.mgmt`) and asks for packet-ins of every reason. */
  static async connect(path: string): Promise<OvsMonitor> {
    const socket = connect(path);
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.once("connect", resolve);
    });
    const monitor = new OvsMonitor(socket);
    monitor.#send(0, Buffer.alloc(0));
    const config = Buffer.alloc(4);
    config.writeUInt16BE(0xffff, 2);
    monitor.#send(SET_CONFIG, config);
    const properties = Buffer.alloc(16);
    for (const [index, type] of [0, 1].entries()) {
      properties.writeUInt16BE(type, index * 8);
      properties.writeUInt16BE(8, index * 8 + 2);
      properties.writeUInt32BE(0x3f, index * 8 + 4);
    }
    monitor.#send(SET_ASYNC, properties);
    await monitor.barrier();
    return monitor;
  }

  /** Resolves when the switch has processed everything sent to it before. */
  barrier(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#barriers.push(resolve);
      this.#failed.push(reject);
      this.#send(BARRIER_REQUEST, Buffer.alloc(0));
    });
  }

  /** The packet-ins since the last call. */
  take(): PacketIn[] {
    const taken = this.#packetIns;
    this.#packetIns = [];
    return taken;
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(type: number, body: Buffer): void {
    const header = Buffer.alloc(HEADER_SIZE);
    header.writeUInt8(VERSION, 0);
    header.writeUInt8(type, 1);
    header.writeUInt16BE(HEADER_SIZE + body.length, 2);
    header.writeUInt32BE(1, 4);
    this.#socket.write(Buffer.concat([header, body]));
  }

  #onBytes(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    while (this.#received.length >= HEADER_SIZE) {
      const length = this.#received.readUInt16BE(2);
      if (this.#received.length < length) return;
      const message = this.#received.subarray(0, length);
      this.#received = this.#received.subarray(length);
      this.#onMessage(message);
    }
  }

  #onMessage(message: Buffer): void {
    const type = message.readUInt8(1);
    if (type === ECHO_REQUEST) this.#send(ECHO_REPLY, message.subarray(HEADER_SIZE));
    else if (type === PACKET_IN) this.#packetIns.push(decodePacketIn(message));
    else if (type === BARRIER_REPLY) {
      this.#failed.shift();
      this.#barriers.shift()?.();
    } else if (type === ERROR) {
      const error = new Error(`the switch refused an OpenFlow message: ${message.toString("hex")}`);
      for (const reject of this.#failed) reject(error);
    }
  }
}

/** OpenFlow 1.4, section 7.4.1: buffer_id, total_len, reason, table_id, cookie, match, pad, data. */
function decodePacketIn(message: Buffer): PacketIn {
  const matchAt = HEADER_SIZE + 16;
  const matchLength = message.readUInt16BE(matchAt + 2);
  const dataAt = matchAt + ((matchLength + 7) & ~7) + 2;
  return {
    reason: REASONS[message.readUInt8(HEADER_SIZE + 6)] ?? "action",
    table: message.readUInt8(HEADER_SIZE + 7),
    cookie: `0x${message.readBigUInt64BE(HEADER_SIZE + 8).toString(16)}`,
    totalLen: message.readUInt16BE(HEADER_SIZE + 4),
    hex: message.subarray(dataAt).toString("hex"),
  };
}
