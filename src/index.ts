// The library: `import { ThreadedSwitch } from "megaflow"`. Everything else is internal and may change.

import { findProfile, profileNames, resolveSettings } from "./config/profiles.ts";
import { defaultSettings, settingKeys } from "./config/settings.ts";
import { MegaflowError } from "./errors.ts";
import { InlineSwitch } from "./inline-switch.ts";
import { loadTrace } from "./netdev/trace.ts";
import { Switch } from "./switch.ts";
import { ThreadedSwitch } from "./threaded-switch.ts";

export {
  defaultSettings,
  findProfile,
  InlineSwitch,
  loadTrace,
  MegaflowError,
  profileNames,
  resolveSettings,
  Switch,
  settingKeys,
  ThreadedSwitch,
};
