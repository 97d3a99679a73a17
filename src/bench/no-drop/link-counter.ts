// How many frames an interface has received, in any network namespace, as the kernel counts them: reading it costs
// the switch under test nothing.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { MegaflowError } from "../../errors.ts";

const TABLE = "/proc/self/net/dev";

/** Received frames of an interface. Throws when it is gone. */
export function receivedFrames(dev: string, netns: string | undefined): number {
  const line = table(netns)
    .split("\n")
    .find((one) => one.trimStart().startsWith(`${dev}:`));
  const fields = line?.split(":")[1]?.trim().split(/\s+/);
  if (fields === undefined) {
    throw new MegaflowError(
      "LINK_GONE",
      `no interface ${dev}${netns === undefined ? "" : ` in namespace ${netns}`}`,
    );
  }
  return Number(fields[1]);
}

function table(netns: string | undefined): string {
  if (netns === undefined) return readFileSync(TABLE, "utf8");
  const path = netns.includes("/") ? netns : `/var/run/netns/${netns}`;
  return execFileSync("nsenter", [`--net=${path}`, "cat", TABLE], { encoding: "utf8" });
}
