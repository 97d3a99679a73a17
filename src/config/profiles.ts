// Profiles: whole configurations under one name. The same packets come out in every profile; only the
// speed differs.

import { ConfigError } from "../errors.ts";
import { defaultSettings, parseAssignment, type Settings } from "./settings.ts";

/** A named configuration. */
export interface Profile {
  readonly name: ProfileName;
  /** One line for people. */
  readonly meaning: string;
  /** Settings that differ from the defaults. */
  readonly settings: Partial<Settings>;
  /** Translation un-wildcards every bit: one megaflow a connection, as the first Open vSwitch did. */
  readonly exactMegaflows: boolean;
}

/** Names of the profiles. */
export const profileNames = ["default", "kernel", "userspace", "microflow"] as const;
export type ProfileName = (typeof profileNames)[number];

const profiles: Readonly<Record<ProfileName, Profile>> = {
  default: {
    name: "default",
    meaning: "The fastest measured: signature cache, mask cache, pruned masked lookup.",
    settings: {},
    exactMegaflows: false,
  },
  kernel: {
    name: "kernel",
    meaning: "Open vSwitch's kernel datapath: mask cache of 256, mask array, no microflow cache.",
    settings: {
      "microflow.entries": 0,
      "maskCache.entries": 256,
      "maskCache.victim": "kernel",
      pruning: "off",
      "rank.intervalMs": 4000,
    },
    exactMegaflows: false,
  },
  userspace: {
    name: "userspace",
    meaning: "Open vSwitch's userspace datapath: exact cache of 8192, insertion 1/100, ranked subtables.",
    settings: {
      "microflow.entries": 8192,
      "microflow.mode": "exact",
      "microflow.insertInverse": 100,
      "microflow.bypass": "off",
      "maskCache.entries": 0,
      pruning: "off",
      "rank.intervalMs": 1000,
    },
    exactMegaflows: false,
  },
  microflow: {
    name: "microflow",
    meaning: "Exact microflows only: nothing is wildcarded, one megaflow a connection.",
    settings: {
      "microflow.entries": 1 << 16,
      "microflow.mode": "exact",
      "microflow.bypass": "off",
      "maskCache.entries": 0,
      pruning: "off",
    },
    exactMegaflows: true,
  },
};

/** Returns the profile of that name. Throws ConfigError with the names when there is none. */
export function findProfile(name: string): Profile {
  if (!Object.hasOwn(profiles, name)) {
    throw new ConfigError("unknown profile", { expected: `one of ${profileNames.join(", ")}`, got: name });
  }
  return profiles[name as ProfileName];
}

/** Returns the defaults, overlaid by a profile, overlaid by single settings. */
export function resolveSettings(profile: Profile, overrides: Partial<Settings> = {}): Settings {
  return { ...defaultSettings, ...profile.settings, ...overrides };
}

/** Returns the settings that a list of `KEY=VALUE` makes; the last of one key wins. Throws ConfigError. */
export function parseAssignments(assignments: readonly string[]): Partial<Settings> {
  return Object.fromEntries(assignments.map(parseAssignment)) as Partial<Settings>;
}
