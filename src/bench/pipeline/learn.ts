// The megaflows that a trace needs: the rules and the packets go through a switch on the calling thread,
// whose controller translates every miss.
import type { Settings } from "../../config/settings.ts";
import { InlineSwitch } from "../../inline-switch.ts";
import type { OfPort } from "../../openflow/port.ts";
import type { Ukey } from "../../upcall/ukey.ts";
import type { FrameStore } from "./frame-store.ts";

/** A megaflow, as it can be put into any PMD. */
export type LearnedMegaflow = Pick<Ukey, "ufid" | "lanes" | "mask" | "key" | "program">;

/** What decides which megaflows there are. */
export interface LearnInput {
  readonly rules: string;
  readonly frames: FrameStore;
  readonly settings: Settings;
  /** Ports 1 to n. */
  readonly ports: number;
  readonly inPort: number;
  readonly exactMegaflows?: boolean;
}

/** Packets that are settled together. */
const BURST = 256;

/** Sends the trace once and returns the megaflows there are then, in the order they were installed. */
export async function learnMegaflows(input: LearnInput): Promise<LearnedMegaflow[]> {
  const exact = input.exactMegaflows === undefined ? {} : { exactMegaflows: input.exactMegaflows };
  const learner = new InlineSwitch({ settings: input.settings, seed: 0n, ...exact });
  try {
    for (let number = 1; number <= input.ports; number++) {
      learner.addPort({ number: number as OfPort, name: `p${number}`, transmit: "null" });
    }
    learner.addFlows(input.rules);
    for (let first = 0; first < input.frames.count; first += BURST) {
      const count = Math.min(BURST, input.frames.count - first);
      learner.sendBurst(
        Array.from({ length: count }, (_, i) => ({
          port: input.inPort as OfPort,
          bytes: input.frames.packet(first + i),
        })),
      );
    }
    // Copies: what a handle reads belongs to the switch, which ends here.
    return learner.megaflows().map(({ ufid, lanes, mask, key, program }) => ({
      ufid: ufid.slice(),
      lanes: [...lanes],
      mask: mask.slice(),
      key: key.slice(),
      program: program.slice(),
    }));
  } finally {
    await learner.close();
  }
}
