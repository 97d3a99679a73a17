// The library: `import { ThreadedSwitch } from "megaflow"`. Everything else is internal and may change.

import { findProfile, profileNames, resolveSettings } from "./config/profiles.ts";
import { defaultSettings, settingKeys } from "./config/settings.ts";
import { ControlClient } from "./control/client.ts";
import { type Control, type ControlOptions, openControl } from "./control/open.ts";
import { MegaflowError } from "./errors.ts";
import type { FlowChange, FlowText } from "./flow-changes.ts";
import { InlineSwitch } from "./inline-switch.ts";
import { loadTrace } from "./netdev/trace.ts";
import { listMegaflows } from "./observe/megaflows.ts";
import { ratesBetweenSnapshots } from "./observe/rates.ts";
import { takeSnapshot } from "./observe/snapshot.ts";
import type { Bucket, Group } from "./openflow/group.ts";
import { servePage } from "./page/serve.ts";
import { Switch } from "./switch.ts";
import { ThreadedSwitch } from "./threaded-switch.ts";
import type { PmdProfile } from "./tune/live-profiler.ts";
import { missRatioCurves, startProfiler, stopProfiler } from "./tune/profilers.ts";
import type { HistogramReport } from "./upcall/histogram.ts";
import type { RevalidatorStats } from "./upcall/revalidator-stats.ts";
import type { UpcallStats } from "./upcall/upcall-stats.ts";
import type { RuleRemoval, RuleRemovalReason } from "./xlate/changes.ts";

export {
  type Bucket,
  type Control,
  ControlClient,
  type ControlOptions,
  defaultSettings,
  type FlowChange,
  type FlowText,
  findProfile,
  type Group,
  type HistogramReport,
  InlineSwitch,
  listMegaflows,
  loadTrace,
  MegaflowError,
  missRatioCurves,
  openControl,
  type PmdProfile,
  profileNames,
  type RevalidatorStats,
  type RuleRemoval,
  type RuleRemovalReason,
  ratesBetweenSnapshots,
  resolveSettings,
  Switch,
  servePage,
  settingKeys,
  startProfiler,
  stopProfiler,
  ThreadedSwitch,
  takeSnapshot,
  type UpcallStats,
};
