// A port over AF_XDP: one socket a queue of the interface, all in the switch's packet memory.

import { setTimeout as sleep } from "node:timers/promises";
import { FRAME_DATA_MAX, FRAME_SIZE } from "../../assembly/layout/frame.ts";
import { PACKET_MAX } from "../../assembly/layout/limits.ts";
import { FRAME_OVERHEAD } from "../../assembly/layout/port.ts";
import { QUEUE_FLAG_CHECKSUM, QUEUE_FLAG_FRAGMENTS, QueueKind } from "../../assembly/layout/queue.ts";
import type { RealPortConfig, XdpMode } from "../config/real-port-config.ts";
import { MegaflowError } from "../errors.ts";
import type { LinkInfo, Xsk } from "../native-netdev.ts";
import {
  type OpenPort,
  type OpenQueue,
  type PortContext,
  RING_SIZE_DEFAULT,
  refuseInterface,
} from "./port-kind.ts";

/** A queue's last socket is freed up to 200 ms after it was closed, later on a machine with much to do. */
const BUSY_TRIES = 200;
const BUSY_WAIT_MS = 25;
/** Drivers whose peers leave checksums to hardware that is not there. */
const PARTIAL_CHECKSUMS = ["veth", "tun"];

interface Attachment {
  readonly map: number;
  readonly link: number;
}

/** Opens all queues of an interface and leads its packets to them. */
export async function openAfxdp(context: PortContext, config: RealPortConfig): Promise<OpenPort> {
  const { native } = context;
  const { dev = "", netns } = config;
  const info = native.linkInfo({ name: dev, netns });
  refuseInterface(config, info);
  const queueCount = config.queues ?? info.rxQueues;
  if (queueCount > info.rxQueues) {
    throw new MegaflowError(
      "PORT_QUEUES",
      `${dev} has ${info.rxQueues} receive queues, not ${queueCount}: ask for fewer, or \`ethtool -L ${dev} combined ${queueCount}\``,
    );
  }
  if (config.mtu !== undefined) native.setLink({ name: dev, netns, mtu: config.mtu });
  if (!info.up) native.setLink({ name: dev, netns, up: true });
  const modes: XdpMode[] =
    config.mode === undefined || config.mode === "best-effort"
      ? ["native-with-zerocopy", "native", "generic"]
      : [config.mode];
  let failure: unknown;
  for (const mode of modes) {
    try {
      return await openIn(mode, context, config, native.linkInfo({ name: dev, netns }), queueCount);
    } catch (error) {
      failure = error;
      if (!["EOPNOTSUPP", "EINVAL", "ENOTSUP", "ERANGE"].includes((error as { code?: string }).code ?? ""))
        break;
    }
  }
  throw failure;
}

/** All of it in one mode, or nothing. */
async function openIn(
  mode: XdpMode,
  context: PortContext,
  config: RealPortConfig,
  link: LinkInfo,
  queueCount: number,
): Promise<OpenPort> {
  const { native } = context;
  const undo: (() => void)[] = [];
  const close = (): void => {
    for (const step of undo.splice(0).reverse()) step();
  };
  try {
    const queues: (OpenQueue & { readonly xsk: Xsk })[] = [];
    for (let queue = 0; queue < queueCount; queue++) {
      const opened = await openQueue(mode, context, config, link, queue);
      undo.push(() => opened.close());
      queues.push(opened);
    }
    const attachment: Attachment = native.attachProgram({
      netns: config.netns,
      index: link.index,
      queues: queueCount,
      generic: mode === "generic",
    });
    undo.push(() => {
      native.closeFd(attachment.link);
      native.closeFd(attachment.map);
    });
    const promiscuous =
      config.promiscuous === false ? -1 : native.openPromiscuous({ index: link.index, netns: config.netns });
    if (promiscuous >= 0) undo.push(() => native.closeFd(promiscuous));
    queues.forEach((queue, i) => {
      native.steerQueue({ map: attachment.map, queue: i, socket: queue.xsk.fd });
    });
    const fragments = context.anchor().multiBuffer;
    const frameLimit = fragments ? PACKET_MAX : FRAME_DATA_MAX;
    if (frameLimit < link.mtu + FRAME_OVERHEAD) {
      context.log(`${link.name}: packets over ${frameLimit} bytes need Linux 6.6; its MTU is ${link.mtu}`);
    }
    const zeroCopy = queues.some((queue) => queue.xsk.zeroCopy);
    return {
      link,
      frameLimit,
      queues,
      description: `afxdp ${link.name}: ${mode === "generic" ? "generic" : "native"}, ${zeroCopy ? "zero-copy" : "copy"}, ${queueCount} queue${queueCount === 1 ? "" : "s"}`,
      detach: () => {
        native.closeFd(attachment.link);
        native.closeFd(attachment.map);
        if (promiscuous >= 0) native.closeFd(promiscuous);
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

async function openQueue(
  mode: XdpMode,
  context: PortContext,
  config: RealPortConfig,
  link: LinkInfo,
  queue: number,
): Promise<OpenQueue & { readonly xsk: Xsk }> {
  const { native, memory, umem } = context;
  const size = config.ringSize ?? RING_SIZE_DEFAULT;
  const sizes = { fillSize: size, completionSize: size, rxSize: size, txSize: size };
  const region = context.allocate(native.xskBlockSize(sizes), `${link.name}: rings of queue ${queue}`);
  const { multiBuffer } = context.anchor();
  const place = { netns: config.netns, index: link.index, queue, block: region.base, ...sizes };
  const from =
    mode === "native-with-zerocopy"
      ? {
          umemOffset: umem.base,
          umemLength: umem.size,
          chunk: FRAME_SIZE,
          zeroCopy: true,
          needWakeup: true,
          multiBuffer,
        }
      : { anchor: context.anchor().fd };
  for (let attempt = 1; ; attempt++) {
    try {
      const xsk = native.openXsk(memory.u8, { ...place, ...from });
      return {
        xsk,
        kind: QueueKind.XDP,
        fd: xsk.fd,
        rings: xsk,
        flags: (completes(config, link) ? QUEUE_FLAG_CHECKSUM : 0) | (multiBuffer ? QUEUE_FLAG_FRAGMENTS : 0),
        statistics: () => native.xskStatistics(xsk.fd),
        close: () => {
          native.closePort(xsk.fd);
          context.release(region);
        },
      };
    } catch (error) {
      const busy = (error as { code?: string }).code === "EBUSY";
      if (!busy || attempt === BUSY_TRIES) {
        context.release(region);
        throw error;
      }
      await sleep(BUSY_WAIT_MS);
    }
  }
}

function completes(config: RealPortConfig, link: LinkInfo): boolean {
  const { csum = "auto" } = config;
  return csum === "on" || (csum === "auto" && PARTIAL_CHECKSUMS.includes(link.driver));
}
