// What translation answers, and what it asks of its surroundings. Translation itself changes nothing:
// learning and statistics are handed back as data for the caller to apply.

import type { DropReason } from "../../assembly/layout/stat.ts";
import type { OdpAction } from "../odp/action.ts";
import type { OfAction, PacketInReason, SampleAction } from "../openflow/action.ts";
import type { GroupUse } from "../openflow/group.ts";
import type { OfPort } from "../openflow/port.ts";
import type { RuleSpec } from "../openflow/rule.ts";
import type { Bridge } from "./bridge.ts";
import type { Explanation } from "./explain.ts";
import type { TableRule } from "./table-rule.ts";
import type { TraceNode } from "./trace-node.ts";

/** What the controller is told about a packet that a userspace action sends up. */
export interface ControllerRecord {
  readonly reason: PacketInReason;
  readonly tableId: number;
  readonly ruleCookie: bigint;
  /** Bytes to send; 65535 is all. */
  readonly maxLen: number;
  readonly controllerId: number;
  readonly userdata: Uint8Array;
  /** Set by `pause`: the recirc_id under which the pipeline goes on when the controller resumes it. */
  readonly continuation: number | null;
  /** Pipeline words (registers, metadata, in_port) as the action saw them. */
  readonly pipeline: Uint32Array;
  /** Set where the packet goes to a collector instead. */
  readonly sample?: SampleAction;
}

/** Translation interrupted by a recirculation: all it needs to go on. */
export interface FrozenState {
  readonly bridge: string;
  /** Table to look up when no actions are left. */
  readonly tableId: number;
  /** Pipeline words, KEY_WORD_COUNT onwards. */
  readonly pipeline: Uint32Array;
  readonly stack: readonly StackEntry[];
  readonly actionSet: readonly OfAction[];
  /** What is left to do, from the innermost rule to the outermost; empty for a table lookup. */
  readonly segments: readonly FrozenSegment[];
}

/** Actions of one rule that were left to do. */
export interface FrozenSegment {
  readonly tableId: number;
  readonly ruleCookie: bigint;
  readonly actions: readonly OfAction[];
}

/** One value on the stack. */
export interface StackEntry {
  readonly value: bigint;
  readonly width: number;
}

/** Numbers that stand for something on the controller's side; equal content gets an equal number. */
export interface Registry<T> {
  /** Returns the number of `item`, giving one out if need be; 0 when none is left. */
  intern(item: T): number;
  get(id: number): T | undefined;
}

/** Something that a translated packet causes besides being forwarded; see `applyEffect`. */
export type SideEffect =
  | {
      readonly kind: "mac";
      readonly mac: bigint;
      readonly vlan: number;
      readonly port: OfPort;
    }
  | {
      readonly kind: "learn";
      readonly rule: RuleSpec;
      readonly limit: number;
      readonly finIdleTimeout: number;
      readonly finHardTimeout: number;
      readonly deleteLearned: boolean;
    }
  | {
      /** Reduces a rule's time-outs when a FIN or RST passes. */
      readonly kind: "finTimeout";
      readonly rule: TableRule;
      readonly idleTimeout: number;
      readonly hardTimeout: number;
      /** The connection ends: a FIN or RST was among the TCP flags. */
      readonly closing: boolean;
    };

/** The answer of a translation. */
export interface Translation {
  /** What to do; empty when the packet is dropped for `dropReason`. */
  readonly actions: OdpAction[];
  /** Bits of the key that decided it: KEY_WORD_COUNT words. */
  readonly mask: Uint32Array;
  /** NONE unless the packet goes nowhere. */
  readonly dropReason: DropReason;
  /** Rules hit, in order; a rule hit twice is there twice. */
  readonly rules: TableRule[];
  /** Groups used, with the one bucket chosen, or null where all ran. */
  readonly groups: GroupUse[];
  readonly effects: SideEffect[];
  /** Tables whose lookup found nothing: bit (number modulo 32) of each. */
  readonly missedTables: number;
  /**
   * `macTag` of the one address that was looked up; 0 when none was, MAC_TAG_ANY when there were more, or
   * when the answer depends on the rules in a way that neither `rules` nor `missedTables` tells.
   */
  readonly macTag: number;
  /** Recirculation ids that the actions lead to. */
  readonly recircIds: number[];
  /** Cookies of the userspace actions. */
  readonly cookies: number[];
  /** Whether the answer may serve later packets too. */
  readonly cacheable: boolean;
  /** Steps taken, when asked for. */
  readonly trace: TraceNode | null;
  /** Why each bit is in the mask, when asked for. */
  readonly explanation: Explanation | null;
  /** The flow as the pipeline left it (FLOW_WORD_COUNT words); only when a trace was asked for. */
  readonly finalFlow: Uint32Array | null;
}

/** How to translate. */
export interface TranslateOptions {
  /** Keep MPLS and VLAN behaviour as Open vSwitch's, or as the OpenFlow specification says. */
  readonly conformance?: "ovs" | "openflow";
  /** False puts every bit of the packet's headers into the mask. */
  readonly megaflows?: boolean;
  /** Record the steps and the reasons of the mask. */
  readonly trace?: boolean;
  /**
   * TCP flags of all the packets that the translation stands for; the packet's own if left out. They decide
   * effects, not actions, and so are not in the mask.
   */
  readonly tcpFlags?: number;
}

/** What translation needs besides the key. */
export interface TranslateContext {
  readonly bridge: Bridge;
  readonly recirc: Registry<FrozenState>;
  readonly controllerRecords: Registry<ControllerRecord>;
  readonly options?: TranslateOptions;
}
