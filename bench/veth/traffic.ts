// Runs the generator, as fast as it goes or at a rate.

import { compile } from "./programs.ts";
import type { Topology } from "./topology.ts";

/** What is sent. */
export interface Load {
  readonly seconds: number;
  /** Bytes of a frame without its checksum. */
  readonly length: number;
  /** Connections, a power of two up to 65,536. */
  readonly flows: number;
}

/** What the generator did. */
export interface Sent {
  readonly sent: number;
  readonly seconds: number;
  /** Frames that the interface had no room for. */
  readonly refused?: number;
  /** Frames timed at the far end, and how long they were under way. */
  readonly samples?: number;
  readonly p50Us?: number;
  readonly p99Us?: number;
  readonly p999Us?: number;
}

let program: string | undefined;

/** Live frames: about ten million a second when nothing slows them. */
export function flood(topology: Topology, load: Load): Promise<Sent> {
  return run(topology, "flood", load);
}

/** Frames at a rate, timed at the far end; over about a million a second they come less evenly. */
export function paced(topology: Topology, load: Load, rate: number): Promise<Sent> {
  return run(topology, "paced", load, `${Math.round(rate)}`, topology.farEndPath, topology.sink);
}

async function run(topology: Topology, mode: string, load: Load, ...more: string[]): Promise<Sent> {
  program ??= compile("traffic");
  const { lab, generator, generatorCore, source } = topology;
  const what = [mode, source, `${load.seconds}`, `${load.length}`, `${load.flows}`, ...more];
  return JSON.parse(await lab.exec(generator, program, `${generatorCore}`, ...what)) as Sent;
}
