// A port over a TAP device: the interface whose other end is a program, here the switch. `tap` is any such device,
// `internal` the one by which the host itself is on the switch.

import { PACKET_MAX } from "../../assembly/layout/limits.ts";
import { FRAME_OVERHEAD } from "../../assembly/layout/port.ts";
import { QUEUE_FLAG_FRAGMENTS, QueueKind } from "../../assembly/layout/queue.ts";
import type { RealPortConfig } from "../config/real-port-config.ts";
import type { LinkInfo } from "../native-netdev.ts";
import { type OpenPort, type OpenQueue, type PortContext, RING_SIZE_DEFAULT } from "./port-kind.ts";
import { layOutPumpRings, pumpRingsSize } from "./pump-rings.ts";

/** Bytes of virtio-net header: only checksums are offloaded, so the short one does. */
const HEADER_SIZE = 10;
/** A second VLAN tag. */
const TAG_SIZE = 4;

/** Creates a TAP device, or opens one that is there, and sets it up. */
export async function openTapPort(context: PortContext, config: RealPortConfig): Promise<OpenPort> {
  return openDevice(context, config, config.dev);
}

/** The host's own interface on the switch; by default it has the bridge's name. */
export async function openInternalPort(context: PortContext, config: RealPortConfig): Promise<OpenPort> {
  return openDevice(context, config, config.dev ?? context.bridge);
}

function openDevice(context: PortContext, config: RealPortConfig, name: string | undefined): OpenPort {
  const { native } = context;
  const { netns, mtu } = config;
  const tap = openQueues(context, config, name);
  const closing: (() => void)[] = tap.fds.map((fd) => () => native.closeFd(fd));
  try {
    native.setLink({ name: tap.name, netns, up: true, ...(mtu === undefined ? {} : { mtu }) });
    const link = native.linkInfo({ name: tap.name, netns });
    const queues = tap.fds.map((fd, i) => {
      const queue = openQueue(context, config, `${tap.name}: rings of queue ${i}`, fd, [
        HEADER_SIZE,
        tapPacketMax(link),
      ]);
      closing[i] = () => queue.close();
      return queue;
    });
    return {
      link,
      frameLimit: PACKET_MAX,
      queues,
      description: `${config.kind} ${tap.name}: ${queues.length} queue${queues.length === 1 ? "" : "s"}`,
      detach: () => {},
    };
  } catch (error) {
    for (const close of closing) close();
    throw error;
  }
}

/** Longest packet that such a device hands over, in bytes. */
export function tapPacketMax({ mtu }: Pick<LinkInfo, "mtu">): number {
  return mtu + FRAME_OVERHEAD + TAG_SIZE;
}

function openQueues(
  { native }: PortContext,
  { netns, queues = 1, persist }: RealPortConfig,
  name: string | undefined,
): ReturnType<PortContext["native"]["openTap"]> {
  const options = {
    netns,
    queues,
    headerSize: HEADER_SIZE,
    ...(name === undefined ? {} : { name }),
    ...(persist === undefined ? {} : { persist }),
  };
  try {
    return native.openTap(options);
  } catch (error) {
    // A device that is there may have been made for several queues.
    if (queues > 1 || (error as NodeJS.ErrnoException).code !== "EINVAL") throw error;
    return native.openTap({ ...options, multiQueue: true });
  }
}

function openQueue(
  context: PortContext,
  config: RealPortConfig,
  purpose: string,
  fd: number,
  pumpState: readonly number[],
): OpenQueue {
  const size = config.ringSize ?? RING_SIZE_DEFAULT;
  const region = context.allocate(pumpRingsSize(size), purpose);
  return {
    kind: QueueKind.TAP,
    fd,
    rings: layOutPumpRings(context.memory, region, size),
    // The pump completes checksums, where the kernel says which are missing.
    flags: QUEUE_FLAG_FRAGMENTS,
    pumpState,
    statistics: () => ({}),
    close: () => {
      context.native.closeFd(fd);
      context.release(region);
    },
  };
}
