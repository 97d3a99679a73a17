// TCP packets that are longer than their output port carries: a local sender left cutting them to hardware
// that is not there (generic XDP hands its 64 KiB packets up whole). They are cut here as such hardware cuts them: RFC 9293's
// sequence numbers go on, FIN and PSH stay with the last segment, CWR with the first (RFC 3168 section 6.1.2).

import { checksumOf, sumBytes } from "../actions/checksum.ts";
import {
  etherType,
  laterFragment,
  locateNetwork,
  locateTransport,
  network,
  protocol,
  transport,
  transportLength,
} from "../actions/locate.ts";
import {
  IPV4_CHECKSUM,
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SOURCE,
  TCP_CHECKSUM,
  TCP_DATA_OFFSET,
} from "../actions/wire.ts";
import { swap16 } from "../core/bytes.ts";
import { frameAllocFor, frameFree } from "../core/frame-pool.ts";
import { ports } from "../core/state.ts";
import { transmit } from "../core/tx.ts";
import { ETH_TYPE_IPV4, IP_PROTO_TCP, IPV6_HEADER_SIZE } from "../key/protocol.ts";
import {
  FRAME_DATA,
  FRAME_FATE,
  FRAME_FATE_SENT,
  FRAME_HEADROOM,
  FRAME_LENGTH,
  FRAME_REASON,
} from "../layout/frame.ts";
import { PORT_MAX } from "../layout/limits.ts";
import { FRAME_OVERHEAD, PORT_KIND, PORT_KIND_MASK, PORT_MTU, PORT_SIZE, PortKind } from "../layout/port.ts";
import { DropReason } from "../layout/stat.ts";
import { recordInit } from "./contexts.ts";

const TCP_SEQUENCE: u32 = 4;
const TCP_FLAGS: u32 = 13;
const TCP_FIN_PSH: u32 = 0x09;
const TCP_CWR: u32 = 0x80;
const IPV4_ID: u32 = 4;
/** More fragments, and the offset, as loaded. */
const IPV4_FRAGMENT_BITS: u32 = 0xff3f;

/** Sends a packet as transmit does; a TCP packet that is too long for the port goes out in segments. */
export function sendOut(frame: u32, port: u32, length: u32, spare: bool): bool {
  if (port < PORT_MAX) {
    const record = ports + port * PORT_SIZE;
    const longest = load<u32>(record, PORT_MTU);
    if (longest !== 0 && length > longest && length === load<u32>(frame, FRAME_LENGTH)) {
      const kind = load<u32>(record, PORT_KIND) & PORT_KIND_MASK;
      const real = kind === (PortKind.QUEUE as u32) || kind === (PortKind.PEER as u32);
      if (real && isTcp(frame)) {
        sendSegments(frame, port, longest - FRAME_OVERHEAD);
        return false;
      }
    }
  }
  return transmit(frame, port, length, spare);
}

function isTcp(frame: u32): bool {
  if (!locateNetwork(frame) || !locateTransport() || laterFragment || protocol !== IP_PROTO_TCP) return false;
  if (etherType !== ETH_TYPE_IPV4) return transport === network + IPV6_HEADER_SIZE;
  return (load<u16>(network, IPV4_FRAGMENT) & IPV4_FRAGMENT_BITS) === 0;
}

/** Sends the located TCP packet in pieces whose IP packets have at most `mtu` bytes. */
function sendSegments(frame: u32, port: u32, mtu: u32): void {
  const data = load<u32>(frame, FRAME_DATA);
  const tcpHeader = (load<u8>(transport, TCP_DATA_OFFSET) >> 4) << 2;
  const header = transport + tcpHeader - data;
  const overhead = transport + tcpHeader - network;
  const payload = transportLength - tcpHeader;
  if (tcpHeader < 20 || tcpHeader > transportLength || overhead >= mtu) {
    store<u32>(frame, DropReason.MTU, FRAME_REASON);
    return;
  }
  const largest = mtu - overhead;
  // transmit() finds no header, but keep what was located: it is overwritten by nobody else.
  const networkAt = network - data;
  const transportAt = transport - data;
  const ipv4 = etherType === ETH_TYPE_IPV4;
  let number: u32 = 0;
  for (let done: u32 = 0; done < payload; done += largest, number++) {
    const bytes = min<u32>(largest, payload - done);
    const segment = frameAllocFor(header + bytes);
    if (segment === 0) {
      store<u32>(frame, DropReason.NO_FRAME, FRAME_REASON);
      return;
    }
    const copy = segment + FRAME_HEADROOM;
    memory.copy(copy, data, header);
    memory.copy(copy + header, data + header + done, bytes);
    recordInit(segment, copy, header + bytes, 0);
    adjustTcp(copy + transportAt, done, done + bytes === payload);
    const transportBytes = tcpHeader + bytes;
    const sum = ipv4
      ? adjustIpv4(copy + networkAt, transportAt - networkAt, transportBytes, number)
      : adjustIpv6(copy + networkAt, transportBytes);
    const tcp = copy + transportAt;
    store<u16>(tcp, 0, TCP_CHECKSUM);
    store<u16>(tcp, checksumOf(sum + sumBytes(tcp, transportBytes)), TCP_CHECKSUM);
    const taken = transmit(segment, port, header + bytes, true);
    if ((load<u32>(segment, FRAME_FATE) & FRAME_FATE_SENT) !== 0) {
      store<u32>(frame, load<u32>(frame, FRAME_FATE) | FRAME_FATE_SENT, FRAME_FATE);
    } else store<u32>(frame, load<u32>(segment, FRAME_REASON), FRAME_REASON);
    if (!taken) frameFree(segment);
  }
}

function adjustTcp(tcp: u32, offset: u32, last: bool): void {
  store<u32>(tcp, bswap<u32>(bswap<u32>(load<u32>(tcp, TCP_SEQUENCE)) + offset), TCP_SEQUENCE);
  let flags: u32 = load<u8>(tcp, TCP_FLAGS);
  if (!last) flags &= ~TCP_FIN_PSH;
  if (offset !== 0) flags &= ~TCP_CWR;
  store<u8>(tcp, flags, TCP_FLAGS);
}

/** Writes length, identification and checksum of an IPv4 header; returns the sum of TCP's pseudo header. */
function adjustIpv4(header: u32, headerLength: u32, transportBytes: u32, number: u32): u64 {
  store<u16>(header, swap16(headerLength + transportBytes), IPV4_TOTAL_LENGTH);
  store<u16>(header, swap16((swap16(load<u16>(header, IPV4_ID)) + number) & 0xffff), IPV4_ID);
  store<u16>(header, 0, IPV4_CHECKSUM);
  store<u16>(header, checksumOf(sumBytes(header, headerLength)), IPV4_CHECKSUM);
  const addresses = (load<u32>(header, IPV4_SOURCE) as u64) + (load<u32>(header, IPV4_DESTINATION) as u64);
  return addresses + pseudo(transportBytes);
}

function adjustIpv6(header: u32, transportBytes: u32): u64 {
  store<u16>(header, swap16(transportBytes), IPV6_PAYLOAD_LENGTH);
  return sumBytes(header + IPV6_SOURCE, 32) + pseudo(transportBytes);
}

function pseudo(transportBytes: u32): u64 {
  return ((IP_PROTO_TCP << 8) as u64) + (swap16(transportBytes) as u64);
}
