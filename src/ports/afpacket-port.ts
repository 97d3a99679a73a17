// A port over AF_PACKET, for interfaces and kernels without AF_XDP: one packet socket a queue, whose receive ring lies in
// linear memory. Several queues share the interface's packets by their flow (fanout).

import { PACKET_MAX } from "../../assembly/layout/limits.ts";
import { QUEUE_FLAG_FRAGMENTS, QueueKind } from "../../assembly/layout/queue.ts";
import type { RealPortConfig } from "../config/real-port-config.ts";
import type { LinkInfo } from "../native-netdev.ts";
import {
  type OpenPort,
  type OpenQueue,
  type PortContext,
  RING_SIZE_DEFAULT,
  refuseInterface,
} from "./port-kind.ts";
import { layOutPumpRings, pumpRingsSize } from "./pump-rings.ts";

/** A block holds the largest packet that a sender leaves whole, 64 KiB, and its headers. */
const BLOCK_SIZE = 1 << 17;
const BLOCK_COUNT = 32;
/** Fanout groups have 16-bit numbers; another's is refused, so that a few tries find a free one. */
const GROUPS = 1 << 16;
const GROUP_TRIES = 16;

/** Opens as many packet sockets on an interface as it shall have queues. */
export async function openAfpacket(context: PortContext, config: RealPortConfig): Promise<OpenPort> {
  const { native } = context;
  const { dev: name = "", netns, queues: count = 1, mtu } = config;
  refuseInterface(config, native.linkInfo({ name, netns }));
  native.setLink({ name, netns, up: true, ...(mtu === undefined ? {} : { mtu }) });
  const link = native.linkInfo({ name, netns });
  const queues: OpenQueue[] = [];
  const promiscuous =
    config.promiscuous === false ? -1 : native.openPromiscuous({ index: link.index, netns });
  const detach = (): void => {
    if (promiscuous >= 0) native.closeFd(promiscuous);
  };
  try {
    let group = count === 1 ? undefined : newGroup();
    for (let tries = 1; queues.length < count; ) {
      try {
        queues.push(openQueue(context, config, link, queues.length, group));
      } catch (error) {
        // The number may be that of somebody else's group.
        const taken = (error as NodeJS.ErrnoException).code === "EINVAL" && queues.length === 0;
        if (group === undefined || !taken || tries++ === GROUP_TRIES) throw error;
        group = newGroup();
      }
    }
  } catch (error) {
    for (const queue of queues) queue.close();
    detach();
    throw error;
  }
  return {
    link,
    frameLimit: PACKET_MAX,
    queues,
    description: `afpacket ${name}: ${count} queue${count === 1 ? "" : "s"}`,
    detach,
  };
}

function newGroup(): number {
  return Math.floor(Math.random() * GROUPS);
}

function openQueue(
  context: PortContext,
  config: RealPortConfig,
  link: LinkInfo,
  index: number,
  fanoutGroup: number | undefined,
): OpenQueue {
  const { native, memory } = context;
  const size = config.ringSize ?? RING_SIZE_DEFAULT;
  const blocksSize = BLOCK_SIZE * BLOCK_COUNT;
  const region = context.allocate(blocksSize + pumpRingsSize(size), `${link.name}: rings of queue ${index}`);
  // The hole for the receive ring comes first: regions start at a page.
  const rings = layOutPumpRings(
    memory,
    { base: region.base + blocksSize, size: region.size - blocksSize },
    size,
  );
  let fd: number;
  try {
    fd = native.openPacketRing(memory.u8, {
      netns: config.netns,
      index: link.index,
      block: region.base,
      blockSize: BLOCK_SIZE,
      blockCount: BLOCK_COUNT,
      header: true,
      ...(fanoutGroup === undefined ? {} : { fanoutGroup }),
    });
  } catch (error) {
    context.release(region);
    throw error;
  }
  let ringFull = 0;
  return {
    kind: QueueKind.PACKET,
    fd,
    rings,
    // The pump completes checksums, where the kernel says which are missing.
    flags: QUEUE_FLAG_FRAGMENTS,
    pumpState: [region.base, BLOCK_SIZE, BLOCK_COUNT],
    statistics: () => {
      ringFull += native.packetStatistics(fd).drops;
      return { rxRingFull: ringFull };
    },
    close: () => {
      native.closePort(fd);
      context.release(region);
    },
  };
}
