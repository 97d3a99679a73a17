// Traffic that tells on a switch whose rules change under it. Each packet carries its connection, its place in it
// and the last version of the rules that was in force when it was sent; each version of the rules writes its
// number into both addresses, in two tables, and chooses the port by it. What comes out shows a packet that was
// overtaken, one that went by rules that were gone, and one that met half of one version and half of another.

import {
  RX_RECORD,
  RX_RECORD_DATA,
  RX_RECORD_LENGTH,
  RX_RECORD_SEQUENCE,
} from "../../assembly/layout/port.ts";
import type { RingWriter } from "../../src/datapath/ring.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import type { ThreadedSwitch } from "../../src/threaded-switch.ts";
import type { RuleRemoval } from "../../src/xlate/changes.ts";

const IN_PORT = 1 as OfPort;
const FIRST_OUT = 3;
const FRAME_BYTES = 60;
const MAC_VERSION = 4;
const IP_SOURCE = 26;
const UDP_SOURCE = 34;
const PAYLOAD = 42;
/** Cookie of the one rule that all packets meet and no version changes, and of a version's rules of table 1. */
const ENTRY_COOKIE = 1n;
const VERSION_COOKIE = 2n;
/** New connections out of so many packets. */
const NEW_ONE_IN = 50;

/** What went wrong; all 0 when nothing did. */
export interface ChurnFaults {
  /** Packets behind a later one of their connection. */
  overtaken: number;
  /** Packets by a version that had been replaced before they were sent. */
  stale: number;
  /** Packets that met more than one version. */
  mixed: number;
}

/** See the head of the file. The switch has ports 1, 3 and 4, the latter of which hand over what they send. */
export class ChurnLoad {
  readonly faults: ChurnFaults = { overtaken: 0, stale: 0, mixed: 0 };
  sent = 0;
  received = 0;
  /** Versions of the rules so far. */
  version = 0;
  readonly #owner: ThreadedSwitch;
  readonly #ring: RingWriter;
  readonly #next: Uint32Array;
  readonly #last: Uint32Array;
  readonly #lastConnection: Uint32Array;
  readonly #frame = frameTemplate();
  readonly #view = new DataView(this.#frame.buffer);
  #settled = 0;
  #random = 0x2545f491;
  /** First of the connections that are alive now. */
  #base = 0;
  readonly #alive: number;
  /** Packets of rules of table 1 that are gone. */
  #past = 0;

  /** `alive`: connections at a time; their number over all time is bounded by 2^24. */
  constructor(owner: ThreadedSwitch, alive: number) {
    this.#owner = owner;
    this.#alive = alive;
    this.#next = new Uint32Array(alive);
    this.#last = new Uint32Array(alive);
    this.#lastConnection = new Uint32Array(alive);
    this.#ring = owner.addRing(IN_PORT);
  }

  /** Gives the switch the next version of the rules; resolves when it is in force. */
  async change(more: string): Promise<void> {
    const version = ++this.version;
    this.#owner.replaceFlows(`${rulesOf(version)}\n${more}`);
    await this.#owner.settled();
    this.#settled = Math.max(this.#settled, version);
  }

  /** Sends up to so many packets; fewer when the ring is full. */
  send(count: number): void {
    const { u8, u32 } = this.#owner.memory;
    for (let i = 0; i < count; i++) {
      const record = this.#ring.reserve(RX_RECORD_DATA + FRAME_BYTES, RX_RECORD);
      if (record === 0) break;
      this.#fill();
      u32[(record + RX_RECORD_SEQUENCE) >>> 2] = 0;
      u32[(record + RX_RECORD_LENGTH) >>> 2] = FRAME_BYTES;
      u8.set(this.#frame, record + RX_RECORD_DATA);
      this.sent++;
    }
    this.#ring.commit();
  }

  /** Takes what a port sent. */
  take(port: OfPort, bytes: Uint8Array): void {
    this.received++;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const version = view.getUint16(MAC_VERSION);
    if (view.getUint16(6 + MAC_VERSION) !== version || port !== FIRST_OUT + (version & 1))
      this.faults.mixed++;
    if (version < (view.getUint32(PAYLOAD + 8) & 0xffff)) this.faults.stale++;
    const connection = view.getUint32(PAYLOAD);
    const place = connection % this.#alive;
    const order = view.getUint32(PAYLOAD + 4);
    // Two connections that have a place one after the other may well overtake one another.
    if (this.#lastConnection[place] === connection && order <= this.#last[place]!) this.faults.overtaken++;
    this.#lastConnection[place] = connection;
    this.#last[place] = order;
  }

  /** Takes the counters of a rule that is gone. */
  ruleRemoved({ rule, reason }: RuleRemoval): void {
    if (rule.cookie === VERSION_COOKIE && reason !== "replaced") this.#past += rule.packets;
  }

  /** Packets that rules have counted: the one that all meet, and those of table 1 over all versions. */
  counted(): { readonly entry: number; readonly versions: number } {
    this.#owner.creditRules();
    let entry = 0;
    let versions = this.#past;
    this.#owner.bridge.forEachRule((rule) => {
      if (rule.cookie === ENTRY_COOKIE) entry += rule.packets;
      if (rule.cookie === VERSION_COOKIE) versions += rule.packets;
    });
    return { entry, versions };
  }

  #fill(): void {
    this.#random ^= this.#random << 13;
    this.#random ^= this.#random >>> 17;
    this.#random ^= this.#random << 5;
    const random = this.#random >>> 0;
    if (random % NEW_ONE_IN === 0) this.#base++;
    const connection = this.#base + ((random >>> 8) % this.#alive);
    const place = connection % this.#alive;
    // Places are used again by later connections, whose packets count on.
    const order = ++this.#next[place]!;
    const view = this.#view;
    view.setUint32(IP_SOURCE, 0x0a000000 | (connection & 0xffffff));
    view.setUint16(UDP_SOURCE, 1024 + (connection & 0x7fff));
    view.setUint32(PAYLOAD, connection);
    view.setUint32(PAYLOAD + 4, order);
    view.setUint32(PAYLOAD + 8, this.#settled & 0xffff);
  }
}

/** Rules of a version: two tables that write its number, under masks that differ from one version to the next. */
function rulesOf(version: number): string {
  const mac = `02:00:00:00:${hex(version >>> 8)}:${hex(version)}`;
  const lines = [
    `cookie=${ENTRY_COOKIE},table=0,in_port=1,ip actions=resubmit(,1)`,
    `cookie=${VERSION_COOKIE},table=1,priority=1,ip actions=mod_dl_src:${mac},resubmit(,2)`,
    `table=2,priority=1,ip actions=mod_dl_dst:${mac},output:${FIRST_OUT + (version & 1)}`,
  ];
  const prefix = 20 + (version % 9);
  for (let i = 0; i < 8; i++) {
    lines.push(
      `cookie=${VERSION_COOKIE},table=1,priority=${10 + i},ip,nw_src=10.${i * 3}.${version % 200}.0/${prefix} actions=mod_dl_src:${mac},resubmit(,2)`,
    );
  }
  return lines.join("\n");
}

function hex(byte: number): string {
  return (byte & 0xff).toString(16).padStart(2, "0");
}

/** An IPv4 UDP frame without a UDP checksum; nothing here looks at the header's. */
function frameTemplate(): Uint8Array {
  const frame = new Uint8Array(FRAME_BYTES);
  frame.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, FRAME_BYTES - 14], 0);
  frame.set([0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 0, 10, 9, 9, 9], 18);
  frame.set([0, 0, 0, 53, 0, FRAME_BYTES - 34, 0, 0], 34);
  return frame;
}
