// Action words for the tests, written from assembly/layout/action.ts alone: the bytes of every operand in
// the order in which they lie in memory.

import { ACTION_WORDS_SHIFT, Action } from "../../../../assembly/layout/action.ts";
import type { OdpAction } from "../../../../src/odp/action.ts";

/** The words of one modifying action. */
export function actionWords(action: OdpAction): Uint32Array {
  const [opcode, ...operands] = parts(action);
  const data = Buffer.concat([Buffer.alloc(4), ...(operands as Buffer[])]);
  data.writeUInt32LE((opcode as number) | ((data.length / 4) << ACTION_WORDS_SHIFT));
  return new Uint32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length));
}

function parts(action: OdpAction): [number, ...Buffer[]] {
  switch (action.type) {
    case "setEth": {
      const operands = (of: typeof action.value) => [mac(of.dst), mac(of.src)];
      return [Action.SET_ETH, ...operands(action.value), ...operands(action.mask)];
    }
    case "pushEth":
      return [Action.PUSH_ETH, network(action.dst, 6), network(action.ethertype, 2), mac(action.src)];
    case "popEth":
      return [Action.POP_ETH];
    case "pushVlan":
      return [Action.PUSH_VLAN, half(action.tpid), half(action.tci | 0x1000)];
    case "popVlan":
      return [Action.POP_VLAN];
    case "setVlan":
      return [Action.SET_VLAN, half(action.value), half(action.mask)];
    case "pushMpls":
      return [Action.PUSH_MPLS, half(action.ethertype), network(action.lse, 4)];
    case "popMpls":
      return [Action.POP_MPLS, half(action.ethertype)];
    case "setMpls":
      return [Action.SET_MPLS, network(action.value, 4), network(action.mask, 4)];
    case "decTtl":
      return [Action.DEC_TTL];
    case "setMark":
      return [Action.SET_MARK, host(action.value), host(action.mask)];
    case "setPriority":
      return [Action.SET_PRIORITY, host(action.value)];
    default:
      return ipParts(action);
  }
}

function ipParts(action: OdpAction): [number, ...Buffer[]] {
  switch (action.type) {
    case "setIpv4": {
      const operands = (of: typeof action.value) => [
        network(of.src, 4),
        network(of.dst, 4),
        pair(of.tos, of.ttl),
      ];
      return [Action.SET_IPV4, ...operands(action.value), ...operands(action.mask)];
    }
    case "setIpv6": {
      const operands = (of: typeof action.value) => [
        network(of.src, 16),
        network(of.dst, 16),
        network(of.label, 4),
        pair(of.tclass, of.hopLimit),
      ];
      return [Action.SET_IPV6, ...operands(action.value), ...operands(action.mask)];
    }
    case "setPorts": {
      const operands = (of: typeof action.value) => [network(of.src, 2), network(of.dst, 2)];
      return [Action.SET_PORTS, ...operands(action.value), ...operands(action.mask)];
    }
    case "setIcmp":
      return [
        Action.SET_ICMP,
        pair(action.value.type, action.value.code),
        pair(action.mask.type, action.mask.code),
      ];
    case "setArp": {
      const operands = (of: typeof action.value) => [
        half(of.op),
        network(of.spa, 4),
        network(of.tpa, 4),
        mac(of.sha),
        mac(of.tha),
      ];
      return [Action.SET_ARP, ...operands(action.value), ...operands(action.mask)];
    }
    case "setNd": {
      const operands = (of: typeof action.value) => [network(of.target, 16), mac(of.sll), mac(of.tll)];
      return [Action.SET_ND, ...operands(action.value), ...operands(action.mask)];
    }
    case "setNdExtensions": {
      const operands = (of: typeof action.value) => [network(of.reserved, 4), host(of.optionsType)];
      return [Action.SET_ND_EXTENSIONS, ...operands(action.value), ...operands(action.mask)];
    }
    default:
      throw new Error(`${action.type} does not modify a packet`);
  }
}

/** Network byte order. */
function network(value: number | bigint, size: number): Buffer {
  const digits = (typeof value === "bigint" ? value : BigInt(value >>> 0)).toString(16);
  return Buffer.from(digits.padStart(size * 2, "0"), "hex");
}

/** 16 bits in network byte order, in the low half of a word. */
function half(value: number): Buffer {
  return Buffer.concat([network(value, 2), Buffer.alloc(2)]);
}

/** A MAC address in two words. */
function mac(value: bigint): Buffer {
  return Buffer.concat([network(value, 6), Buffer.alloc(2)]);
}

/** Two bytes in a word, the first in its low byte. */
function pair(low: number, high: number): Buffer {
  return Buffer.from([low, high, 0, 0]);
}

/** A word in the host's byte order. */
function host(value: number): Buffer {
  const word = Buffer.alloc(4);
  word.writeUInt32LE(value >>> 0);
  return word;
}
