// The configurations of Open vSwitch that a trace is measured with; the best of them counts.

/** One way to set up Open vSwitch's flow caches. */
export interface OvsConfiguration {
  readonly name: string;
  readonly title: string;
  /** Keys of the Open_vSwitch table's other_config. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Exact-match cache (EMC) of 8,192 entries, signature cache (SMC) of 1,048,576, classifier behind both. */
export const ovsConfigurations: readonly OvsConfiguration[] = [
  { name: "emc-100", title: "EMC 1/100 (default)", settings: { "emc-insert-inv-prob": "100" } },
  { name: "emc-1", title: "EMC always", settings: { "emc-insert-inv-prob": "1" } },
  { name: "smc", title: "SMC", settings: { "emc-insert-inv-prob": "0", "smc-enable": "true" } },
  { name: "classifier", title: "classifier only", settings: { "emc-insert-inv-prob": "0" } },
];
