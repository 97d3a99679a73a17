// fast-check with the seed of random tests.

import fc from "fast-check";
import { testSeed } from "./seed.ts";

fc.configureGlobal({ seed: testSeed });

export default fc;
