// Reads what `dpif-netdev/pmd-perf-show` of Open vSwitch prints for one PMD.

/** Counters since they were last cleared. */
export interface PmdPerf {
  readonly seconds: number;
  readonly rxPackets: number;
  readonly cyclesPerPacket: number;
  readonly txPackets: number;
  readonly hits: {
    readonly simpleMatch: number;
    readonly emc: number;
    readonly smc: number;
    readonly megaflow: number;
    readonly upcall: number;
  };
  /** Subtables searched for each hit of the classifier. */
  readonly subtablesPerHit: number;
}

/** Parses the block of the PMD on `core`. Throws when the block is not there. */
export function parsePmdPerf(text: string, core: number): PmdPerf {
  const block = text.split(/^(?=Time:)/m).find((part) => part.includes(`core_id ${core}:`));
  if (block === undefined)
    throw new Error(`pmd-perf-show has no PMD on core ${core}: "${text.slice(0, 200)}"`);
  const number = (pattern: RegExp) => Number(pattern.exec(block)?.[1] ?? 0);
  return {
    seconds: number(/Measurement duration:\s*([\d.]+) s/),
    rxPackets: number(/Rx packets:\s*(\d+)/),
    cyclesPerPacket: number(/Rx packets:.*?(\d+) cycles\/pkt/),
    txPackets: number(/Tx packets:\s*(\d+)/),
    hits: {
      simpleMatch: number(/Simple Match hits:\s*(\d+)/),
      emc: number(/EMC hits:\s*(\d+)/),
      smc: number(/SMC hits:\s*(\d+)/),
      megaflow: number(/Megaflow hits:\s*(\d+)/),
      upcall: number(/ Upcalls:\s*(\d+)/),
    },
    subtablesPerHit: number(/Megaflow hits:.*?([\d.]+) subtbl lookups\/hit/),
  };
}
