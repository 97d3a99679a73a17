// OpenFlow actions and instructions as data. A rule's list is flat, as in Open vSwitch: actions in the
// order given, then the instructions in OpenFlow's order (meter comes first of all, then the actions,
// clear_actions, write_actions, write_metadata, goto_table). The mod_* and set_* actions of OpenFlow 1.0
// keep their own types, because what they do to a packet without the header differs from set_field.

import type { Field, Subfield } from "./field.ts";
import type { OfPort } from "./port.ts";

/** Why a packet goes to the controller (OpenFlow OFPR_*). */
export type PacketInReason =
  | "no_match"
  | "action"
  | "invalid_ttl"
  | "action_set"
  | "group"
  | "packet_out"
  | "explicit_miss"
  | "implicit_miss";

/** Which fields `multipath` and `bundle` hash. */
export type HashFields =
  | "eth_src"
  | "symmetric_l4"
  | "symmetric_l3l4"
  | "symmetric_l3l4+udp"
  | "nw_src"
  | "nw_dst"
  | "symmetric_l3";

/** How `multipath` turns a hash into a link. */
export type MultipathAlgorithm = "modulo_n" | "hash_threshold" | "hrw" | "iter_hash";

/** How `bundle` chooses a member. */
export type BundleAlgorithm = "active_backup" | "hrw";

/** `maxLen` of a controller action that sends the whole packet. */
export const CONTROLLER_MAX_LEN = 65535;
/** `table` of a resubmit that stays in the current table. */
export const TABLE_CURRENT = 255;

/** `controller(...)`: sends the packet to the controller and goes on. */
export interface ControllerAction {
  readonly type: "controller";
  readonly reason: PacketInReason;
  readonly maxLen: number;
  readonly controllerId: number;
  /** Bytes handed on with the packet; empty when none. */
  readonly userdata: Uint8Array;
  /** Freezes the pipeline until the controller resumes it. */
  readonly pause: boolean;
  /** Meter that the message counts against; 0 is none. */
  readonly meterId: number;
}

/** One `learn` element: what is matched, loaded or output in the learned rule. */
export interface LearnSpec {
  readonly kind: "match" | "load" | "output";
  /** Where the bits come from in the packet that runs learn; undefined for an immediate. */
  readonly src: Subfield | undefined;
  /** The immediate; undefined where `src` is given. */
  readonly immediate: bigint | undefined;
  /** Where they go in the learned rule; undefined for `output`. */
  readonly dst: Subfield | undefined;
  readonly width: number;
}

/** `learn(...)`: adds a rule made from the packet. */
export interface LearnAction {
  readonly type: "learn";
  readonly tableId: number;
  readonly priority: number;
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly finIdleTimeout: number;
  readonly finHardTimeout: number;
  readonly cookie: bigint;
  readonly sendFlowRem: boolean;
  readonly deleteLearned: boolean;
  /** Most rules with this cookie in the table; 0 is no limit. */
  readonly limit: number;
  /** Gets 1 when the rule was learned, 0 when the limit forbade it. */
  readonly resultDst: Subfield | undefined;
  readonly specs: readonly LearnSpec[];
}

/** `multipath(...)`: writes the number of a link, chosen by hash. */
export interface MultipathAction {
  readonly type: "multipath";
  readonly fields: HashFields;
  readonly basis: number;
  readonly algorithm: MultipathAlgorithm;
  readonly linkCount: number;
  readonly arg: number;
  readonly dst: Subfield;
}

/** `bundle(...)` and `bundle_load(...)`: outputs to, or writes the number of, a live member. */
export interface BundleAction {
  readonly type: "bundle";
  readonly fields: HashFields;
  readonly basis: number;
  readonly algorithm: BundleAlgorithm;
  readonly members: readonly OfPort[];
  /** Set for bundle_load. */
  readonly dst: Subfield | undefined;
}

/** `sample(...)`: hands a share of the packets to a collector. */
export interface SampleAction {
  readonly type: "sample";
  /** In units of 1/65535; 65535 is always. */
  readonly probability: number;
  readonly collectorSetId: number;
  readonly obsDomainId: number;
  readonly obsPointId: number;
  /** Port that is reported as sampled; OFPP_NONE when none. */
  readonly samplingPort: OfPort;
  readonly direction: "default" | "ingress" | "egress";
}

/** `set_field` and `load`: new = old & ~mask | value. */
export interface SetFieldAction {
  readonly type: "setField";
  readonly field: Field;
  /** Within `mask`. */
  readonly value: bigint;
  readonly mask: bigint;
  /** Written as `load:V->F[a..b]`; without effect. */
  readonly load: boolean;
}

/** Actions that make or change where a packet goes. */
export type OutputAction =
  | { readonly type: "output"; readonly port: OfPort /** For CONTROLLER only. */; readonly maxLen: number }
  | { readonly type: "outputReg"; readonly src: Subfield; readonly maxLen: number }
  | { readonly type: "outputTrunc"; readonly port: OfPort; readonly maxLen: number }
  | { readonly type: "group"; readonly groupId: number }
  | { readonly type: "enqueue"; readonly port: OfPort; readonly queueId: number }
  | ControllerAction
  | BundleAction;

/** Actions that change headers. Values are numbers; MAC addresses bigint. */
export type HeaderAction =
  | SetFieldAction
  | { readonly type: "move"; readonly src: Subfield; readonly dst: Subfield }
  | {
      readonly type: "setVlanVid";
      readonly vid: number;
      /** Pushes a tag onto an untagged packet (OpenFlow 1.0). */
      readonly pushIfNeeded: boolean;
    }
  | { readonly type: "setVlanPcp"; readonly pcp: number; readonly pushIfNeeded: boolean }
  | { readonly type: "stripVlan" }
  | { readonly type: "pushVlan"; readonly ethertype: number }
  | { readonly type: "setEthSrc"; readonly mac: bigint }
  | { readonly type: "setEthDst"; readonly mac: bigint }
  | { readonly type: "setIpv4Src"; readonly address: number }
  | { readonly type: "setIpv4Dst"; readonly address: number }
  | { readonly type: "setIpDscp" /** In place, low two bits 0. */; readonly dscp: number }
  | { readonly type: "setIpEcn"; readonly ecn: number }
  | { readonly type: "setIpTtl"; readonly ttl: number }
  | { readonly type: "setL4Src"; readonly port: number }
  | { readonly type: "setL4Dst"; readonly port: number }
  | {
      readonly type: "decTtl" /** Who hears of a TTL that ran out; [0] unless named. */;
      readonly controllerIds: readonly number[];
    }
  | { readonly type: "setMplsLabel"; readonly label: number }
  | { readonly type: "setMplsTc"; readonly tc: number }
  | { readonly type: "setMplsTtl"; readonly ttl: number }
  | { readonly type: "decMplsTtl" }
  | { readonly type: "pushMpls"; readonly ethertype: number }
  | { readonly type: "popMpls"; readonly ethertype: number }
  | { readonly type: "copyTtlIn" }
  | { readonly type: "copyTtlOut" };

/** Actions on metadata and on the course of the pipeline. */
export type PipelineAction =
  | { readonly type: "push"; readonly src: Subfield }
  | { readonly type: "pop"; readonly dst: Subfield }
  | {
      readonly type: "setTunnel";
      readonly tunId: bigint /** Printed as set_tunnel64. */;
      readonly wide: boolean;
    }
  | { readonly type: "setQueue"; readonly queueId: number }
  | { readonly type: "popQueue" }
  | { readonly type: "finTimeout"; readonly idleTimeout: number; readonly hardTimeout: number }
  | {
      readonly type: "resubmit";
      /** OFPP_IN_PORT keeps the packet's own. */
      readonly inPort: OfPort;
      /** TABLE_CURRENT stays in this table. */
      readonly tableId: number;
    }
  | LearnAction
  | {
      readonly type: "conjunction";
      readonly id: number;
      /** Which dimension this rule satisfies, counted from 0. */
      readonly clause: number;
      readonly clauseCount: number;
    }
  | MultipathAction
  | { readonly type: "note"; readonly data: Uint8Array }
  | { readonly type: "exit" }
  | SampleAction
  | { readonly type: "clone"; readonly actions: readonly OfAction[] }
  | { readonly type: "checkPktLarger"; readonly pktLen: number; readonly dst: Subfield }
  | { readonly type: "debugRecirc" }
  | { readonly type: "debugSlow" };

/** OpenFlow 1.1+ instructions, in the same list as the actions. */
export type InstructionAction =
  | { readonly type: "meter"; readonly meterId: number }
  | { readonly type: "clearActions" }
  | { readonly type: "writeActions"; readonly actions: readonly OfAction[] }
  | { readonly type: "writeMetadata"; readonly metadata: bigint; readonly mask: bigint }
  | { readonly type: "gotoTable"; readonly tableId: number };

/** One element of a rule's, bucket's or packet-out's action list. An empty list drops the packet. */
export type OfAction = OutputAction | HeaderAction | PipelineAction | InstructionAction;

/** The names of all actions. */
export type OfActionType = OfAction["type"];
