// Ports of TCP, UDP and SCTP, type and code of ICMP, and what a changed address does to the checksums of
// the transports that cover it. A header cut short is left as it is, as Open vSwitch does; a later fragment
// has none.

import {
  ETH_TYPE_IPV4,
  ETH_TYPE_IPV6,
  ICMP_HEADER_SIZE,
  IP_PROTO_ICMP,
  IP_PROTO_ICMPV6,
  IP_PROTO_SCTP,
  IP_PROTO_TCP,
  IP_PROTO_UDP,
  SCTP_HEADER_SIZE,
  TCP_HEADER_SIZE,
  UDP_HEADER_SIZE,
} from "../key/protocol.ts";
import { adjustChecksum, adjustUdpChecksum, crc32cDifference } from "./checksum.ts";
import {
  etherType,
  laterFragment,
  locateNetwork,
  locateTransport,
  protocol,
  transport,
  transportLength,
} from "./locate.ts";
import { replace16 } from "./masked.ts";
import {
  ICMP_CHECKSUM,
  ICMPV6_HEADER_SIZE,
  SCTP_CHECKSUM,
  TCP_CHECKSUM,
  TCP_DATA_OFFSET,
  UDP_CHECKSUM,
} from "./wire.ts";

/** SET_PORTS. False when the packet is not TCP, UDP or SCTP. */
export function setPorts(frame: u32, operands: u32): bool {
  if (!locateNetwork(frame) || !isIp(etherType)) return false;
  if (!locateTransport() || laterFragment) return true;
  const value = load<u32>(operands);
  const mask = load<u32>(operands, 4);
  if (protocol === IP_PROTO_TCP) {
    if (hasWholeTcp()) adjustChecksum(transport + TCP_CHECKSUM, changePorts(value, mask));
    return true;
  }
  if (protocol === IP_PROTO_UDP) {
    if (transportLength >= UDP_HEADER_SIZE) {
      adjustUdpChecksum(transport + UDP_CHECKSUM, changePorts(value, mask));
    }
    return true;
  }
  if (protocol !== IP_PROTO_SCTP) return false;
  if (transportLength >= SCTP_HEADER_SIZE) changeSctpPorts(value, mask);
  return true;
}

/** SET_ICMP: type and code of ICMPv4 or ICMPv6. False when the packet is neither. */
export function setIcmp(frame: u32, operands: u32): bool {
  if (!locateNetwork(frame) || !isIp(etherType)) return false;
  if (!locateTransport() || laterFragment) return true;
  const expected = etherType === ETH_TYPE_IPV4 ? IP_PROTO_ICMP : IP_PROTO_ICMPV6;
  if (protocol !== expected) return false;
  if (transportLength < ICMP_HEADER_SIZE) return true;
  const difference = replace16(transport, load<u32>(operands), load<u32>(operands, 4));
  adjustChecksum(transport + ICMP_CHECKSUM, difference);
  return true;
}

/** After locateTransport: brings the checksum up to date with addresses that made this difference. */
export function adjustForAddresses(difference: u64): void {
  if (laterFragment) return;
  if (protocol === IP_PROTO_TCP) {
    if (transportLength >= TCP_HEADER_SIZE) adjustChecksum(transport + TCP_CHECKSUM, difference);
    return;
  }
  if (protocol === IP_PROTO_UDP) {
    if (transportLength >= UDP_HEADER_SIZE) adjustUdpChecksum(transport + UDP_CHECKSUM, difference);
    return;
  }
  if (protocol === IP_PROTO_ICMPV6 && etherType === ETH_TYPE_IPV6 && transportLength >= ICMPV6_HEADER_SIZE) {
    adjustChecksum(transport + ICMP_CHECKSUM, difference);
  }
}

function isIp(type: u32): bool {
  return type === ETH_TYPE_IPV4 || type === ETH_TYPE_IPV6;
}

/** Whether a TCP header with its options lies within the packet. */
function hasWholeTcp(): bool {
  if (transportLength < TCP_HEADER_SIZE) return false;
  const headerLength = ((load<u8>(transport, TCP_DATA_OFFSET) as u32) >> 4) << 2;
  return headerLength >= TCP_HEADER_SIZE && headerLength <= transportLength;
}

/** Changes both ports under a mask and returns the difference that they make. */
function changePorts(value: u32, mask: u32): u64 {
  return replace16(transport, value, mask) + replace16(transport + 2, value >> 16, mask >> 16);
}

function changeSctpPorts(value: u32, mask: u32): void {
  const old = load<u32>(transport);
  const ports = (old & ~mask) | value;
  if (ports === old) return;
  store<u32>(transport, ports);
  const checksum = load<u32>(transport, SCTP_CHECKSUM);
  store<u32>(transport, checksum ^ crc32cDifference(old ^ ports, transportLength - 4), SCTP_CHECKSUM);
}
