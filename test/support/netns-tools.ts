// What tests do in namespaces: ping, iperf3 in pairs, captures with tcpdump. All of it leaves the thread free,
// because the switch under test may have its controller on it.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PATIENCE_MS } from "./eventually.ts";
import type { LabChild } from "./lab-child.ts";
import type { NetLab } from "./netns.ts";

/** What a ping does beside one echo a 10 ms. */
export interface PingOptions {
  readonly count?: number;
  /** Seconds between echoes (default 0.01). */
  readonly interval?: number;
  /** Bytes of payload (default 56). */
  readonly size?: number;
  /** Sets "don't fragment". */
  readonly whole?: boolean;
  /** Seconds to wait for the last answers (default 60); a test that expects none says fewer. */
  readonly patience?: number;
}

/** What came of a ping. */
export interface PingResult {
  readonly sent: number;
  readonly received: number;
  readonly duplicates: number;
  /** Mean round trip in ms; NaN when nothing came back. */
  readonly meanMs: number;
  readonly text: string;
}

/**
 * Pings an IPv4 or IPv6 address from a namespace; loss is no error, an unusable command is. Without a deadline ping
 * waits for the last answers only twice as long as others took, which a busy machine exceeds; with one it sends on until
 * as many answers are there, and those to later echoes do not count.
 */
export async function ping(
  lab: NetLab,
  netns: string,
  address: string,
  { count = 5, interval = 0.01, size = 56, whole = false, patience = PATIENCE_MS / 1000 }: PingOptions = {},
): Promise<PingResult> {
  const deadline = Math.ceil(count * interval + patience);
  const args = ["-n", "-c", `${count}`, "-i", `${interval}`, "-s", `${size}`, "-w", `${deadline}`];
  const child = lab.start(netns, "ping", ...args, ...(whole ? ["-M", "do"] : []), address);
  const status = await child.ended;
  const text = `${child.stdout}${child.stderr}`;
  const counts = /(\d+) packets transmitted, \d+ received(?:, \+(\d+) duplicates)?/.exec(text);
  if (counts === null) throw new Error(`ping ${address}: status ${status}\n${text}`);
  const answered = new Set([...text.matchAll(/icmp_seq=(\d+) ttl=/g)].map((match) => Number(match[1])));
  return {
    sent: Math.min(Number(counts[1]), count),
    received: [...answered].filter((sequence) => sequence <= count).length,
    duplicates: Number(counts[2] ?? 0),
    meanMs: Number(/= [\d.]+\/([\d.]+)\//.exec(text)?.[1] ?? Number.NaN),
    text,
  };
}

/** An iperf3 test between two namespaces. */
export interface Iperf3Options {
  readonly server: string;
  readonly client: string;
  /** The server's address. */
  readonly address: string;
  /** Bytes of all connections together (default 8 MB), however long they take; the last ones may be under way when it ends. */
  readonly bytes?: number;
  /** Seconds, instead of a number of bytes: for a load that goes on beside something else. */
  readonly seconds?: number;
  /** The server sends. */
  readonly reverse?: boolean;
  /** Connections at once (default 1). */
  readonly parallel?: number;
  /** UDP at this rate, such as `50M`; TCP without it. */
  readonly udp?: string;
  /** Seconds until the client gives up connecting (default 60). */
  readonly patience?: number;
}

/** What an iperf3 client measured. */
export interface Iperf3Result {
  /** Bytes that arrived before the client had sent all. */
  readonly bytes: number;
  /** TCP segments sent again. */
  readonly retransmits: number;
}

/** Longest that the bytes may take, in ms: far from what the slowest machine needs, and far from what retransmissions carry. */
const TRANSFER_MS = 2 * PATIENCE_MS;

/** Runs an iperf3 server and a client to their end; throws when the connection fails. */
export async function iperf3(lab: NetLab, options: Iperf3Options): Promise<Iperf3Result> {
  const { server, client, address, reverse = false, parallel = 1, udp, seconds, bytes = 8_000_000 } = options;
  const listener = lab.start(server, "iperf3", "--server", "--one-off", "--forceflush");
  try {
    await listener.says(/Server listening/);
    // A window: what is in buffers at the end has not arrived.
    const args = ["--client", address, "--json", "-P", `${parallel}`];
    if (udp === undefined) args.push("--window", "256K");
    if (seconds === undefined) args.push("--bytes", `${bytes}`);
    else args.push("-t", `${seconds}`);
    if (reverse) args.push("--reverse");
    if (udp !== undefined) args.push("--udp", "--bitrate", udp);
    const patienceMs = (options.patience ?? PATIENCE_MS / 1000) * 1000;
    const child = lab.start(client, "iperf3", "--connect-timeout", `${patienceMs}`, ...args);
    const late = sleep((seconds ?? 0) * 1000 + TRANSFER_MS, "late", { ref: false });
    if ((await Promise.race([child.ended, late])) === "late") {
      await child.stop("SIGKILL");
      throw new Error(`iperf3 to ${address} hung: ${child.stdout}`);
    }
    return parseIperf3(child, address);
  } finally {
    await listener.stop();
  }
}

interface Iperf3End {
  sum_received?: { bytes: number };
  sum_sent?: { retransmits?: number };
  sum?: { bytes: number };
}

function parseIperf3(child: LabChild, address: string): Iperf3Result {
  const start = child.stdout.indexOf("{");
  if (start < 0) throw new Error(`iperf3 to ${address} said no JSON: ${child.stdout}${child.stderr}`);
  const json = JSON.parse(child.stdout.slice(start)) as { error?: string; end?: Iperf3End };
  if (json.error !== undefined) throw new Error(`iperf3 to ${address}: ${json.error}`);
  const { sum_received: tcp, sum_sent: sent, sum } = json.end ?? {};
  return {
    bytes: tcp?.bytes ?? sum?.bytes ?? 0,
    retransmits: sent?.retransmits ?? 0,
  };
}

/** A tcpdump that is listening. */
export class Capture {
  readonly #folder: string;
  readonly #child: LabChild;

  private constructor(folder: string, child: LabChild) {
    this.#folder = folder;
    this.#child = child;
  }

  /** Starts it; resolves when it listens. `more`: what it is to see (`["-Q", "in", "udp"]`). */
  static async start(lab: NetLab, netns: string, name: string, ...more: string[]): Promise<Capture> {
    const folder = mkdtempSync(join(tmpdir(), "mf-capture-"));
    // Not --immediate-mode: its ring has places of the longest frame there is, 512 in 32 MiB, and a busy machine fills them.
    const args = ["-i", name, "-n", "-U", "-B", "32768", "-Z", "root", "-s", "0"];
    const child = lab.start(netns, "tcpdump", ...args, "-w", join(folder, "seen.pcap"), ...more);
    const capture = new Capture(folder, child);
    await child.says(/listening on/);
    return capture;
  }

  /** Frames seen so far, as they are on the wire: VLAN tags in place. */
  frames(): Buffer[] {
    const bytes = readFileSync(join(this.#folder, "seen.pcap"));
    const frames: Buffer[] = [];
    for (let at = PCAP_HEADER; at + PCAP_RECORD <= bytes.length; ) {
      const length = bytes.readUInt32LE(at + PCAP_CAPTURED);
      const end = at + PCAP_RECORD + length;
      if (end > bytes.length) break;
      frames.push(bytes.subarray(at + PCAP_RECORD, end));
      at = end;
    }
    return frames;
  }

  /** Waits until so many frames were seen or patience is over; returns those there are. */
  async wait(count: number): Promise<Buffer[]> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const frames = this.frames();
      if (frames.length >= count || performance.now() > deadline) return frames;
      await sleep(10);
    }
  }

  /** Ends tcpdump; returns all frames. Throws when the kernel dropped some on the way to it. */
  async stop(): Promise<Buffer[]> {
    await this.#child.stop("SIGINT");
    const frames = this.frames();
    rmSync(this.#folder, { recursive: true, force: true });
    const dropped = Number(/(\d+) packets? dropped by kernel/.exec(this.#child.stderr)?.[1] ?? 0);
    if (dropped > 0) throw new Error(`tcpdump missed ${dropped} frames`);
    return frames;
  }
}

// Classic pcap, little-endian as tcpdump writes it here.
const PCAP_HEADER = 24;
const PCAP_RECORD = 16;
const PCAP_CAPTURED = 8;
