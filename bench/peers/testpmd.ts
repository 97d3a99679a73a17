// What the packet source and sink of the DPDK side cost by themselves: testpmd moves the same capture
// from the same kind of port to the same kind of port and looks at nothing.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "./process.ts";

/** A capture without packets: the header of a pcap file, Ethernet, microseconds. */
export const EMPTY_CAPTURE = Buffer.from("d4c3b2a1020004000000000000000000ffff000001000000", "hex");

const TESTPMD = "/usr/bin/dpdk-testpmd";
/** Packet buffers beside the capture's own. */
const SPARE_BUFFERS = 32_768;

/** Why testpmd can't run here, or undefined when it can. */
export function testpmdMissing(): string | undefined {
  return existsSync(TESTPMD) ? undefined : `${TESTPMD} is not there: apt-get install dpdk-dev`;
}

/** Packets a second that testpmd moves on `core`, second by second after a warm-up. */
export async function testpmdRates(
  pcap: string,
  packets: number,
  core: number,
  seconds: number,
): Promise<number[]> {
  const folder = mkdtempSync(join(tmpdir(), "megaflow-testpmd-"));
  const empty = join(folder, "empty.pcap");
  writeFileSync(empty, EMPTY_CAPTURE);
  const main = core === 0 ? 1 : 0;
  const eal = ["--no-pci", "--in-memory", "-l", `${Math.min(main, core)},${Math.max(main, core)}`];
  const devices = [
    "--vdev",
    `net_pcap0,rx_pcap=${pcap},infinite_rx=1`,
    "--vdev",
    `net_pcap1,rx_pcap=${empty}`,
  ];
  const forwarding = ["--forward-mode=io", "--nb-cores=1", `--total-num-mbufs=${packets + SPARE_BUFFERS}`];
  const args = [
    ...eal,
    `--main-lcore=${main}`,
    ...devices,
    "--",
    ...forwarding,
    "--stats-period=1",
    "--auto-start",
  ];
  const child = new Child(TESTPMD, args);
  try {
    const wanted = seconds + 2;
    for (
      let waited = 0;
      child.running && rates(child.output).length < wanted && waited < wanted + 30;
      waited += 0.2
    ) {
      await sleep(200);
    }
    const all = rates(child.output);
    if (all.length < wanted) throw new Error(`testpmd ended early: ${child.output.slice(-500)}`);
    return all.slice(2, wanted);
  } finally {
    await child.stop("SIGINT");
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The receive rates of port 0 in testpmd's statistics. */
function rates(output: string): number[] {
  return output
    .split(/NIC statistics for port 0/)
    .slice(1)
    .flatMap((block) => {
      const rate = /Rx-pps:\s+(\d+)/.exec(block)?.[1];
      return rate === undefined ? [] : [Number(rate)];
    });
}
