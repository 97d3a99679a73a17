// An OpenFlow 1.4 connection to Open vSwitch's bridge that collects packet-ins, waits at barriers and deletes rules.
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
const FLOW_REMOVED = 11;
const FLOW_MOD = 14;
const BARRIER_REQUEST = 20;
const BARRIER_REPLY = 21;
const SET_ASYNC = 28;
/** OpenFlow 1.4, section 7.3.4.2. */
const FLOW_MOD_SIZE = 40;
const OFPFC_ADD = 0;
const OFPFC_DELETE = 3;
const OFPFF_SEND_FLOW_REM = 1;
const OFPTT_ALL = 0xff;
const ANY = 0xffffffff;
/** Cookies of the rules that tell when a deletion is over: "megaflow" and a number. */
const LAST_RULE_COOKIE = 0x6d65676100000000n;
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
  /** What to call when the connection ends or the switch refuses something: whoever waits at that time. */
  readonly #onFailure = new Set<(error: Error) => void>();
  #packetIns: PacketIn[] = [];
  #deletions = 0n;
  readonly #removals = new Map<bigint, () => void>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes) => this.#onBytes(bytes));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () =>
      this.#fail(new Error("the OpenFlow connection was closed: the daemon has ended")),
    );
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
    const passed = this.#waitFor((resolve) => this.#barriers.push(resolve));
    this.#send(BARRIER_REQUEST, Buffer.alloc(0));
    return passed;
  }

  /**
   * Deletes all rules. A barrier's reply says that no packet meets them any more, but their masks and prefixes stay
   * in the classifier, and in the megaflows made by it, until a thread of its own has taken them out. So a rule
   * is deleted with them that asks for a notice of its end: the switch sends it when they are out.
   */
  async deleteRules(): Promise<void> {
    const cookie = LAST_RULE_COOKIE + this.#deletions++;
    const removed = this.#waitFor((resolve) => this.#removals.set(cookie, resolve));
    this.#send(FLOW_MOD, flowMod(OFPFC_ADD, 0, cookie, OFPFF_SEND_FLOW_REM));
    this.#send(FLOW_MOD, flowMod(OFPFC_DELETE, OFPTT_ALL, 0n, 0));
    await removed;
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

  /** A promise that `register` can resolve and that a failure rejects. */
  #waitFor(register: (resolve: () => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onFailure.add(reject);
      register(() => {
        this.#onFailure.delete(reject);
        resolve();
      });
    });
  }

  #fail(error: Error): void {
    for (const reject of this.#onFailure) reject(error);
    this.#onFailure.clear();
    this.#removals.clear();
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
    else if (type === BARRIER_REPLY) this.#barriers.shift()?.();
    else if (type === FLOW_REMOVED) this.#onRemoved(message.readBigUInt64BE(HEADER_SIZE));
    else if (type === ERROR)
      this.#fail(new Error(`the switch refused an OpenFlow message: ${message.toString("hex")}`));
  }

  #onRemoved(cookie: bigint): void {
    this.#removals.get(cookie)?.();
    this.#removals.delete(cookie);
  }
}

/** A FLOW_MOD's body: everything matches, nothing is done; for all ports and groups. */
function flowMod(command: number, table: number, cookie: bigint, flags: number): Buffer {
  const body = Buffer.alloc(FLOW_MOD_SIZE + 8);
  body.writeBigUInt64BE(cookie, 0);
  body.writeUInt8(table, 16);
  body.writeUInt8(command, 17);
  body.writeUInt32BE(ANY, 24);
  body.writeUInt32BE(ANY, 28);
  body.writeUInt32BE(ANY, 32);
  body.writeUInt16BE(flags, 36);
  // An empty match: type OXM, length without the padding.
  body.writeUInt16BE(1, FLOW_MOD_SIZE);
  body.writeUInt16BE(4, FLOW_MOD_SIZE + 2);
  return body;
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
