// The actions that change one packet in its frame.
//
// FRAME_DATA and FRAME_LENGTH of the frame's record are valid. A packet of another kind than the action
// names (no tag, no label, another EtherType or protocol) and a frame without room refuse the action and
// stay unchanged. A packet of the right kind whose header is cut short, or in another fragment, is left as
// it is and goes on.

import { Action } from "../layout/action.ts";
import { setArp } from "./arp.ts";
import { popEth, pushEth, setEth } from "./ethernet.ts";
import { setIpv4 } from "./ipv4.ts";
import { setIpv6 } from "./ipv6.ts";
import { setMark, setPriority } from "./metadata.ts";
import { popMpls, pushMpls, setMpls } from "./mpls.ts";
import { setNd, setNdExtensions } from "./nd.ts";
import { setIcmp, setPorts } from "./transport.ts";
import { decTtl } from "./ttl.ts";
import { popVlan, pushVlan, setVlan } from "./vlan.ts";

/**
 * Applies one modification, whose operands lie behind the action's first word. False when the packet
 * cannot take it, or the opcode is not that of a modification: drop the packet as DropReason.ACTION.
 */
export function applyModification(frame: u32, opcode: u32, operands: u32): bool {
  switch (opcode) {
    case Action.SET_ETH as u32:
      return setEth(frame, operands);
    case Action.DEC_TTL as u32:
      return decTtl(frame);
    case Action.PUSH_VLAN as u32:
      return pushVlan(frame, operands);
    case Action.POP_VLAN as u32:
      return popVlan(frame);
    case Action.SET_VLAN as u32:
      return setVlan(frame, operands);
    case Action.SET_IPV4 as u32:
      return setIpv4(frame, operands);
    case Action.SET_IPV6 as u32:
      return setIpv6(frame, operands);
    case Action.SET_PORTS as u32:
      return setPorts(frame, operands);
    case Action.SET_ICMP as u32:
      return setIcmp(frame, operands);
    case Action.SET_ARP as u32:
      return setArp(frame, operands);
    case Action.SET_ND as u32:
      return setNd(frame, operands);
    case Action.SET_ND_EXTENSIONS as u32:
      return setNdExtensions(frame, operands);
    case Action.PUSH_MPLS as u32:
      return pushMpls(frame, operands);
    case Action.POP_MPLS as u32:
      return popMpls(frame, operands);
    case Action.SET_MPLS as u32:
      return setMpls(frame, operands);
    case Action.PUSH_ETH as u32:
      return pushEth(frame, operands);
    case Action.POP_ETH as u32:
      return popEth(frame);
    case Action.SET_MARK as u32:
      return setMark(frame, operands);
    case Action.SET_PRIORITY as u32:
      return setPriority(frame, operands);
    default:
      return false;
  }
}
