// Says which checksums of a packet are wrong, by summing what a receiver sums: a right Internet checksum
// makes everything with its field add up to 0xffff. Shares nothing with the datapath or its plain model.

/** Names of the checksums that are wrong: "ipv4", "tcp", "udp", "sctp", "icmp", "icmpv6". */
export function wrongChecksums(frame: Buffer): string[] {
  let at = 12;
  while ([0x8100, 0x88a8].includes(frame.readUInt16BE(at))) at += 4;
  let type = frame.readUInt16BE(at);
  at += 2;
  if (type < 0x600) {
    type = frame.readUInt16BE(at + 6);
    at += 8;
  }
  if (type === 0x8847 || type === 0x8848) {
    let bottom = false;
    while (!bottom) {
      bottom = (frame[at + 2]! & 1) === 1;
      at += 4;
    }
    type = { 4: 0x0800, 6: 0x86dd }[frame[at]! >> 4] ?? 0;
  }
  if (type === 0x0800) return wrongInIpv4(frame.subarray(at));
  return type === 0x86dd ? wrongInIpv6(frame.subarray(at)) : [];
}

function wrongInIpv4(packet: Buffer): string[] {
  const headerLength = (packet[0]! & 15) * 4;
  const wrong = onesComplementSum(packet.subarray(0, headerLength)) === 0xffff ? [] : ["ipv4"];
  if ((packet.readUInt16BE(6) & 0x3fff) !== 0) return wrong;
  const segment = packet.subarray(headerLength, packet.readUInt16BE(2));
  return [...wrong, ...wrongInTransport(packet[9]!, segment, packet.subarray(12, 20), false)];
}

function wrongInIpv6(packet: Buffer): string[] {
  let next = packet[6]!;
  let at = 40;
  let destination = packet.subarray(24, 40);
  for (;;) {
    if (next === 44) {
      if (packet.readUInt16BE(at + 2) !== 0) return [];
      next = packet[at]!;
      at += 8;
    } else if (next === 0 || next === 43 || next === 60 || next === 51) {
      const length = next === 51 ? packet[at + 1]! * 4 + 8 : packet[at + 1]! * 8 + 8;
      if (next === 43 && packet[at + 3]! > 0) destination = packet.subarray(at + length - 16, at + length);
      next = packet[at]!;
      at += length;
    } else {
      const segment = packet.subarray(at, 40 + packet.readUInt16BE(4));
      return wrongInTransport(next, segment, Buffer.concat([packet.subarray(8, 24), destination]), true);
    }
  }
}

function wrongInTransport(protocol: number, segment: Buffer, addresses: Buffer, v6: boolean): string[] {
  const lengthAndProtocol = Buffer.from([segment.length >> 8, segment.length & 255, 0, protocol]);
  const withPseudo = Buffer.concat([addresses, lengthAndProtocol, segment]);
  switch (protocol) {
    case 6:
      return onesComplementSum(withPseudo) === 0xffff ? [] : ["tcp"];
    case 17:
      return segment.readUInt16BE(6) === 0 || onesComplementSum(withPseudo) === 0xffff ? [] : ["udp"];
    case 132:
      return sctpIsRight(segment) ? [] : ["sctp"];
    case 1:
      return v6 || onesComplementSum(segment) === 0xffff ? [] : ["icmp"];
    case 58:
      return !v6 || onesComplementSum(withPseudo) === 0xffff ? [] : ["icmpv6"];
    default:
      return [];
  }
}

function onesComplementSum(bytes: Buffer): number {
  let sum = 0;
  bytes.forEach((byte, i) => {
    sum += i % 2 === 0 ? byte << 8 : byte;
    if (sum > 0xffff) sum -= 0xffff;
  });
  return sum;
}

/** CRC-32C by long division over the bits in the order in which they are sent (RFC 9260 appendix A). */
function sctpIsRight(segment: Buffer): boolean {
  const message = Buffer.from(segment);
  message.fill(0, 8, 12);
  let remainder = 0xffffffff;
  for (const byte of message) {
    for (let bit = 0; bit < 8; bit++) {
      const carry = (remainder >>> 31) ^ ((byte >> bit) & 1);
      remainder = (remainder << 1) >>> 0;
      if (carry === 1) remainder = (remainder ^ 0x1edc6f41) >>> 0;
    }
  }
  let reflected = 0;
  for (let bit = 0; bit < 32; bit++) if ((remainder >>> bit) & 1) reflected |= 1 << (31 - bit);
  return ~reflected >>> 0 === segment.readUInt32LE(8);
}
