// A bridge for tests, with ports 1 to 5, filled from text.

import { parseFlows } from "../../src/openflow/parse-flow.ts";
import { parseGroups } from "../../src/openflow/parse-group.ts";
import type { OfPort } from "../../src/openflow/port.ts";
import { Bridge } from "../../src/xlate/bridge.ts";
import { bridgePort } from "../../src/xlate/bridge-port.ts";
import type { ClassifierOptions } from "../../src/xlate/classifier/options.ts";
import { applyFlowMods } from "../../src/xlate/flow-mod.ts";
import { applyGroupMod } from "../../src/xlate/group-mod.ts";
import { InternTable } from "../../src/xlate/registry.ts";
import type {
  ControllerRecord,
  FrozenState,
  TranslateContext,
  TranslateOptions,
} from "../../src/xlate/translation.ts";

/** What a test translates with. */
export interface TestEnv extends TranslateContext {
  readonly recirc: InternTable<FrozenState>;
  readonly controllerRecords: InternTable<ControllerRecord>;
}

/** A bridge `br0` with ports 1 to 5 and the rules and groups of the texts. */
export function testEnv(
  flows: string,
  groups = "",
  options: TranslateOptions = {},
  classifier?: ClassifierOptions,
): TestEnv {
  const bridge = new Bridge("br0", classifier);
  for (let port = 1; port <= 5; port++) bridge.ports.set(port as OfPort, bridgePort(port as OfPort));
  for (const mod of parseGroups(groups)) applyGroupMod(bridge, mod);
  applyFlowMods(bridge, parseFlows(flows), 0);
  return { bridge, recirc: new InternTable(), controllerRecords: new InternTable(), options };
}
