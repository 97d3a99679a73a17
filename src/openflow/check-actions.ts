// Whether a rule's actions make sense for the packets that its match lets through: prerequisites of the
// fields they touch, valid ports, tags and tables. The match is followed through the list, as actions
// push and pop headers. Rules and error names are Open vSwitch's (ofpacts_check).

import {
  KEY_ETH_TYPE,
  KEY_NW_FRAG,
  KEY_NW_PROTO,
  KEY_PACKET_TYPE,
  KEY_TCI0,
  KEY_TCI1,
  NW_FRAG_LATER,
  TCI_PRESENT,
} from "../../assembly/layout/flow-key.ts";
import { getBe32, getLe16, getU8, setBe16, setLe16, setU8 } from "../odp/flow-key.ts";
import type { LearnAction, OfAction } from "./action.ts";
import { type Field, fieldOf, type Subfield } from "./field.ts";
import { fieldSet } from "./field-value.ts";
import { type Match, matchCreate, matchSetSubfield } from "./match.ts";
import {
  isReservedPort,
  OF_PORT_NUMBER_MAX,
  OFPP_ANY,
  OFPP_CONTROLLER,
  OFPP_IN_PORT,
  OFPP_LOCAL,
  OFPP_UNSET,
  type OfPort,
} from "./port.ts";
import {
  ETH_TYPE_IP,
  ethTypeOf,
  IP_PROTO_SCTP,
  IP_PROTO_TCP,
  IP_PROTO_UDP,
  isIp,
  isMplsType,
  prereqMet,
  prereqMetByMatch,
} from "./prereq.ts";
import { USABLE_ANY, USABLE_OF10_ANY } from "./usable.ts";

/** What is wrong with an action, and OpenFlow's name for it. */
export interface ActionFault {
  /** Which action of the list, counted from 0. */
  readonly index: number;
  /** OpenFlow's error, as `OFPBAC_MATCH_INCONSISTENT`. */
  readonly code: string;
  readonly reason: string;
}

/** The outcome of a check: the first fault, or which OpenFlow versions can express the list. */
export type ActionCheck =
  | { readonly fault: ActionFault }
  | { readonly fault: undefined; readonly usable: number };

const vlanVid = fieldOf("vlan_vid");
const vlanTci = fieldOf("vlan_tci");

/** Checks the actions of a rule with this match in this table (255 where the table is not known). */
export function checkActions(actions: readonly OfAction[], match: Match, tableId: number): ActionCheck {
  const check = new Checker(match, tableId);
  for (const [index, action] of actions.entries()) {
    const fault = check.step(action);
    if (fault !== undefined) return { fault: { index, ...fault } };
  }
  return { fault: undefined, usable: check.usable };
}

type Fault = Omit<ActionFault, "index">;

class Checker {
  usable = USABLE_ANY;
  private readonly match: Match;
  private readonly tableId: number;
  /** The match's values as the actions so far have changed them. */
  private words: Uint32Array;
  private owned = false;

  constructor(match: Match, tableId: number) {
    this.match = match;
    this.words = match.words;
    this.tableId = tableId;
  }

  /** Checks one action and follows what it does to the packet. */
  step(action: OfAction): Fault | undefined {
    switch (action.type) {
      case "output":
      case "outputTrunc":
        return outputFault(action.port);
      case "outputReg":
      case "push":
        return this.source(action.src);
      case "pop":
      case "multipath":
        return this.destination(action.dst);
      case "enqueue":
        return isSwitchPort(action.port) ? undefined : portFault(action.port);
      case "bundle":
        return this.bundle(action.members, action.dst);
      case "move":
        return this.source(action.src) ?? this.destination(action.dst);
      case "setField":
        return this.setField(action.field, action.value);
      case "learn":
        return this.learn(action);
      case "clone":
        return this.nested(action.actions, true);
      case "writeActions":
        return this.nested(action.actions, false);
      case "gotoTable":
        return this.gotoTable(action.tableId);
      default:
        return this.header(action);
    }
  }

  /** The actions that need a header, which OpenFlow 1.0 skips where it is not there. */
  private header(action: OfAction): Fault | undefined {
    const { words } = this;
    switch (action.type) {
      case "setVlanVid":
      case "setVlanPcp":
        if (!this.hasVlan() && !action.pushIfNeeded) this.skippable();
        setLe16(this.own(), KEY_TCI0, getLe16(words, KEY_TCI0) | TCI_PRESENT);
        return undefined;
      case "stripVlan":
        if (!this.hasVlan()) this.skippable();
        this.shiftVlans(KEY_TCI1, 0);
        return undefined;
      case "pushVlan":
        return this.pushVlan();
      case "pushMpls":
        if (getBe32(words, KEY_PACKET_TYPE) !== 0) this.skippable();
        setBe16(this.own(), KEY_ETH_TYPE, action.ethertype);
        setU8(this.words, KEY_NW_PROTO, 0);
        return undefined;
      case "popMpls":
        if (getBe32(words, KEY_PACKET_TYPE) !== 0 || !isMplsType(ethTypeOf(words))) this.skippable();
        setBe16(this.own(), KEY_ETH_TYPE, action.ethertype);
        return undefined;
      case "setIpv4Src":
      case "setIpv4Dst":
        if (ethTypeOf(words) !== ETH_TYPE_IP) this.skippable();
        return undefined;
      case "setIpDscp":
      case "setIpEcn":
      case "setIpTtl":
      case "decTtl":
        if (!isIp(words)) this.skippable();
        return undefined;
      case "setMplsLabel":
      case "setMplsTc":
      case "setMplsTtl":
      case "decMplsTtl":
      case "copyTtlIn":
      case "copyTtlOut":
        if (!isMplsType(ethTypeOf(words))) this.skippable();
        return undefined;
      case "setL4Src":
      case "setL4Dst":
        if (!hasPorts(words)) this.skippable();
        return undefined;
      case "finTimeout":
        if (getU8(words, KEY_NW_PROTO) !== IP_PROTO_TCP) this.skippable();
        return undefined;
      default:
        return undefined;
    }
  }

  /** Only OpenFlow 1.0 has the action for packets that may lack the header. */
  private skippable(): void {
    this.usable &= USABLE_OF10_ANY;
  }

  private own(): Uint32Array {
    if (!this.owned) {
      this.words = this.words.slice();
      this.owned = true;
    }
    return this.words;
  }

  private hasVlan(): boolean {
    return (getLe16(this.words, KEY_TCI0) & TCI_PRESENT) !== 0;
  }

  private pushVlan(): Fault | undefined {
    if ((getLe16(this.words, KEY_TCI1) & TCI_PRESENT) !== 0) {
      return { code: "OFPBAC_BAD_TAG", reason: "push_vlan onto a packet with two tags" };
    }
    const outer = getLe16(this.words, KEY_TCI0);
    setLe16(this.own(), KEY_TCI1, outer);
    setLe16(this.words, KEY_TCI0, TCI_PRESENT);
    return undefined;
  }

  private shiftVlans(from: number, inner: number): void {
    const next = getLe16(this.words, from);
    setLe16(this.own(), KEY_TCI0, next);
    setLe16(this.words, KEY_TCI1, inner);
  }

  private source(part: Subfield): Fault | undefined {
    const current = this.owned ? this.words : this.match.words;
    if (prereqMetByMatch(part.field.prereq, current, this.match.mask)) return undefined;
    return inconsistent(part.field);
  }

  private destination(part: Subfield): Fault | undefined {
    return this.source(part);
  }

  private setField(field: Field, value: bigint): Fault | undefined {
    if (!prereqMet(field.prereq, this.words)) return inconsistent(field);
    if (field === vlanVid && !this.hasVlan()) return inconsistent(field);
    if (field === vlanTci) fieldSet(this.own(), field, value);
    return undefined;
  }

  private bundle(members: readonly OfPort[], dst: Subfield | undefined): Fault | undefined {
    const fault = dst && this.destination(dst);
    if (fault !== undefined) return fault;
    const bad = members.find(
      (port) => port === OFPP_CONTROLLER || (port !== OFPP_ANY && outputFault(port) !== undefined),
    );
    return bad === undefined ? undefined : portFault(bad);
  }

  /** The learned rule's own match has to meet the prerequisites of what it matches and loads. */
  private learn(action: LearnAction): Fault | undefined {
    const learned = matchCreate();
    for (const spec of action.specs) {
      const fault = spec.src && this.source(spec.src);
      if (fault !== undefined) return fault;
      if (spec.dst === undefined) continue;
      const { field } = spec.dst;
      if (!prereqMetByMatch(field.prereq, learned.words, learned.mask)) return inconsistent(field);
      if (spec.kind === "match" && spec.immediate !== undefined)
        matchSetSubfield(learned, spec.dst, spec.immediate);
    }
    return undefined;
  }

  /** A list within the list: what it does to the packet ends with it. */
  private nested(actions: readonly OfAction[], counts: boolean): Fault | undefined {
    const inner = checkActions(actions, { words: this.words, mask: this.match.mask }, this.tableId);
    if (inner.fault !== undefined) return inner.fault;
    if (counts) this.usable &= inner.usable;
    return undefined;
  }

  private gotoTable(tableId: number): Fault | undefined {
    if (this.tableId === 255 || tableId > this.tableId) return undefined;
    const reason = `goto_table:${tableId} from table ${this.tableId}; tables can only be gone to upwards`;
    return { code: "OFPBIC_BAD_TABLE_ID", reason };
  }
}

/** Returns whether TCP, UDP or SCTP ports are sure to be there. */
function hasPorts(words: Uint32Array): boolean {
  const proto = getU8(words, KEY_NW_PROTO);
  const known = proto === IP_PROTO_TCP || proto === IP_PROTO_UDP || proto === IP_PROTO_SCTP;
  return known && isIp(words) && (getU8(words, KEY_NW_FRAG) & NW_FRAG_LATER) === 0;
}

function isSwitchPort(port: OfPort): boolean {
  return port <= OF_PORT_NUMBER_MAX || port === OFPP_LOCAL || port === OFPP_IN_PORT;
}

function outputFault(port: OfPort): Fault | undefined {
  const reserved = isReservedPort(port) && port !== OFPP_ANY && port !== OFPP_UNSET;
  return reserved || port <= OF_PORT_NUMBER_MAX ? undefined : portFault(port);
}

function portFault(port: OfPort): Fault {
  return { code: "OFPBAC_BAD_OUT_PORT", reason: `port ${port} cannot be output to` };
}

function inconsistent(field: Field): Fault {
  const reason = `the match does not say that the packet has ${field.name} (it needs ${prereqText(field)})`;
  return { code: "OFPBAC_MATCH_INCONSISTENT", reason };
}

function prereqText(field: Field): string {
  if (field === vlanVid) return "a VLAN tag";
  const texts: Partial<Record<Field["prereq"], string>> = {
    ethernet: "an Ethernet packet",
    vlan: "a VLAN tag",
    ip: "ip or ipv6",
    ct: "a tracked packet",
    nd: "icmp6 with icmpv6_type 135 or 136 and icmpv6_code 0",
    ndSolicit: "icmp6,icmpv6_type=135,icmpv6_code=0",
    ndAdvert: "icmp6,icmpv6_type=136,icmpv6_code=0",
    icmpv4: "icmp",
    icmpv6: "icmp6",
    tcp: "tcp or tcp6",
    udp: "udp or udp6",
    sctp: "sctp or sctp6",
  };
  return texts[field.prereq] ?? field.prereq;
}
