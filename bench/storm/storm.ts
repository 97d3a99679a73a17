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

/**
 * Measures everything; Open vSwitch only where it is asked for. `found` hears of the result so far after every
 * figure, so that a run that is cut off leaves what it had.
 */
export async function runStorm(
  options: StormOptions,
  withPeer: boolean,
  found: (result: StormResult) => void = () => {},
): Promise<StormResult> {
  const load = new LoadWatch();
  const setUp: SetUp[] = [];
  const neighbours: Neighbour[] = [];
  const peers: PeerSetUp[] = [];
  const result = (): StormResult => ({
    setUp,
    neighbours,
    peers,
    environment: readEnvironment(load.others()),
  });
  const step = async <T>(what: string, list: T[], measure: () => Promise<T | undefined>) => {
    options.log(what);
    const one = await measure();
    if (one !== undefined) list.push(one);
    found(result());
  };
  for (let run = 1; run <= options.runs; run++) {
    const name = `run ${run}`;
    await step(`${name}: one table, and rule changes`, setUp, () => measureSetUp(options, 1, true));
    await step(`${name}: eight tables`, setUp, () => measureSetUp(options, 8, false));
    await step(`${name}: beside new flows`, neighbours, () => measureBesideStorm(options));
    await step(`${name}: beside an explosion of masks`, neighbours, () => measureBesideExplosion(options));
  }
  for (const tables of withPeer ? [1, 8] : []) {
    await step(`Open vSwitch, tables: ${tables}`, peers, () => measurePeerSetUp(options, tables));
  }
  return result();
}
