// The optimisations of a classifier's lookup, each of which can be switched off to see what it is worth.

/** Which optimisations a classifier uses. All of them only widen megaflows; results never differ. */
export interface ClassifierOptions {
  /** Visit subtables by falling priority and stop when no later one can win. */
  readonly prioritySorting: boolean;
  /** Look subtables up in stages, so that a miss in an early one leaves the later fields alone. */
  readonly staged: boolean;
  /** Use prefix tries on IPv4 and IPv6 addresses to skip subtables. */
  readonly tries: boolean;
  /** Use a trie on the transport ports to narrow what a miss looked at. */
  readonly portTries: boolean;
}

/** Every optimisation on. */
export const CLASSIFIER_DEFAULTS: ClassifierOptions = {
  prioritySorting: true,
  staged: true,
  tries: true,
  portTries: true,
};
