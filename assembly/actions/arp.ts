// ARP and RARP fields. No checksum covers them.

import { ARP_SIZE, ETH_TYPE_ARP, ETH_TYPE_RARP } from "../key/protocol.ts";
import { end, etherType, locateNetwork, network } from "./locate.ts";
import { replace16, replace32, replaceMac } from "./masked.ts";
import { ARP_OPERATION, ARP_SENDER_IP, ARP_SENDER_MAC, ARP_TARGET_IP, ARP_TARGET_MAC } from "./wire.ts";

/** Operands: operation, sender and target IPv4 address, sender MAC, target MAC; then the masks. */
const SPA: u32 = 4;
const TPA: u32 = 8;
const SHA: u32 = 12;
const THA: u32 = 20;
const MASKS: u32 = 28;

/** SET_ARP. False when the packet is not ARP; one cut short is left as it is. */
export function setArp(frame: u32, operands: u32): bool {
  if (!locateNetwork(frame)) return false;
  if (etherType !== ETH_TYPE_ARP && etherType !== ETH_TYPE_RARP) return false;
  if (end - network < ARP_SIZE) return true;
  replace16(network + ARP_OPERATION, load<u32>(operands), load<u32>(operands, MASKS));
  setWord(network + ARP_SENDER_IP, operands + SPA);
  setWord(network + ARP_TARGET_IP, operands + TPA);
  replaceMac(network + ARP_SENDER_MAC, operands + SHA, operands + SHA + MASKS);
  replaceMac(network + ARP_TARGET_MAC, operands + THA, operands + THA + MASKS);
  return true;
}

function setWord(at: u32, operand: u32): void {
  replace32(at, load<u32>(operand), load<u32>(operand, MASKS));
}
