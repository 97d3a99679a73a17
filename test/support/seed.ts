// The seed that random tests begin with: always the same one, so that a run says something about what was changed and
// not about what was drawn. MEGAFLOW_SEED names another one, MEGAFLOW_SEED=random has one drawn; it is printed on failure.

const { MEGAFLOW_SEED: asked = "1" } = process.env;
const LIMIT = 1_000_000_000;

/** See the head of the file. */
export const testSeed = asked === "random" ? Date.now() % LIMIT : Number(asked);
if (!Number.isInteger(testSeed)) throw new Error(`MEGAFLOW_SEED takes a number or "random", got "${asked}"`);
