// Translation for tests: flows and a packet as text in, datapath actions as text out.

import { KEY_IN_PORT, KEY_WORD_COUNT } from "../../../../assembly/layout/flow-key.ts";
import { formatOdpActions } from "../../../../src/odp/format-actions.ts";
import { FLOW_OF_IN_PORT } from "../../../../src/openflow/flow-layout.ts";
import { FlowText } from "../../../../src/openflow/key-value.ts";
import { parseExactFlow } from "../../../../src/openflow/parse-match.ts";
import { translate } from "../../../../src/xlate/translate.ts";
import type { TranslateContext, TranslateOptions, Translation } from "../../../../src/xlate/translation.ts";
import { testEnv } from "../../../megaflow/test-bridge.ts";

/** The key of a packet given as `in_port=1,tcp,...`. */
export function keyOf(packet: string): Uint32Array {
  const flow = parseExactFlow(new FlowText(packet));
  const key = flow.slice(0, KEY_WORD_COUNT);
  key[KEY_IN_PORT >>> 2] = flow[FLOW_OF_IN_PORT >>> 2] as number;
  return key;
}

/** Translates a packet under these flows and groups. */
export function translated(
  flows: string,
  packet: string,
  groups = "",
  options: TranslateOptions = {},
): Translation {
  return translate(testEnv(flows, groups, options), keyOf(packet));
}

/** The datapath actions of a packet, as text. */
export function actionsOf(
  flows: string,
  packet: string,
  groups = "",
  options: TranslateOptions = {},
): string {
  return formatOdpActions(translated(flows, packet, groups, options).actions);
}

/** The same on a bridge that is there already. */
export function actionsOn(env: TranslateContext, packet: string): string {
  return formatOdpActions(translate(env, keyOf(packet)).actions);
}
