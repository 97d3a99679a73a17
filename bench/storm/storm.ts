// All figures of the slow path under load, one after the other.
import { type Environment, LoadWatch, readEnvironment } from "../../src/bench/environment.ts";
import { measureBesideExplosion, measureBesideStorm, type Neighbour } from "./neighbours.ts";
import { measurePeerSetUp, type PeerSetUp } from "./peer.ts";
import type { StormOptions } from "./rig.ts";
import { measureSetUp, type SetUp } from "./set-up.ts";

/** What was found. */
export interface StormResult {
  /** Runs of each: one table, with rule changes at its end, and eight. */
  readonly setUp: readonly SetUp[];
  readonly neighbours: readonly Neighbour[];
  readonly peers: readonly PeerSetUp[];
  readonly environment: Environment;
}

/** Measures everything; Open vSwitch only where it is asked for. */
export async function runStorm(options: StormOptions, withPeer: boolean): Promise<StormResult> {
  const load = new LoadWatch();
  const setUp: SetUp[] = [];
  const neighbours: Neighbour[] = [];
  const peers: PeerSetUp[] = [];
  for (let run = 0; run < options.runs; run++) {
    options.log(`run ${run + 1}: new flows through one table, and rule changes`);
    setUp.push(await measureSetUp(options, 1, true));
    options.log(`run ${run + 1}: new flows through eight tables`);
    setUp.push(await measureSetUp(options, 8, false));
    options.log(`run ${run + 1}: established traffic beside new flows`);
    neighbours.push(await measureBesideStorm(options));
    options.log(`run ${run + 1}: established traffic beside an explosion of masks`);
    neighbours.push(await measureBesideExplosion(options));
  }
  if (withPeer) {
    for (const tables of [1, 8]) {
      options.log(`Open vSwitch: new flows, tables: ${tables}`);
      const peer = await measurePeerSetUp(options, tables);
      if (peer !== undefined) peers.push(peer);
    }
  }
  return { setUp, neighbours, peers, environment: readEnvironment(load.others()) };
}
