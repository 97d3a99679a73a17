// The settings table as text for a terminal and as Markdown for docs/settings.md.

import { formatCount } from "../../config/number.ts";
import { findProfile, profileNames } from "../../config/profiles.ts";
import {
  defaultSettings,
  isLiveSetting,
  type SettingKey,
  settingKeys,
  settingRange,
  settingSpec,
} from "../../config/settings.ts";

/** Returns the settings for a terminal. */
export function settingsText(): string {
  const lines: string[] = [];
  for (const key of settingKeys) {
    lines.push(`${key} (${settingRange(key)}; default ${shown(key, defaultSettings[key])})`);
    lines.push(`    ${settingSpec(key).meaning}`);
  }
  return `${lines.join("\n")}\n`;
}

/** Returns docs/settings.md. */
export function settingsMarkdown(): string {
  const lines = [
    "# Settings",
    "",
    "Generated from `src/config/settings.ts` and `src/config/profiles.ts` by `npm run gen`. Do not edit.",
    "",
    "A setting is changed with `--set KEY=VALUE` on the command line, or under `settings:` in the YAML file of",
    "`megaflow run`. Whole numbers may be written `4k`, `1M` (times 1,024) or `0x10`. Every size is a PMD's own:",
    "two cores have twice the caches.",
    "",
    "What is marked live may be changed while the switch runs: `megaflow ctl set KEY=VALUE`, or",
    "`Switch.changeSettings` in the library. No packet is lost by it; docs/control.md says more.",
    "",
    "| key | values | default | live | meaning |",
    "| --- | --- | --- | --- | --- |",
  ];
  for (const key of settingKeys) {
    const meaning = settingSpec(key).meaning;
    const cells = [settingRange(key), shown(key, defaultSettings[key]), isLiveSetting(key) ? "live" : ""];
    lines.push(`| \`${key}\` | ${cells.join(" | ")} | ${meaning} |`);
  }
  lines.push("", "`microflow.bypass=on` is another spelling of `auto`.", "", "## Profiles", "");
  lines.push(
    "`--profile NAME` sets several at once; `--set` then changes single ones. The same packets come out of",
  );
  lines.push("every profile, only the speed differs.", "");
  lines.push("| profile | meaning | differs from the defaults in |", "| --- | --- | --- |");
  for (const name of profileNames) {
    const { meaning, settings } = findProfile(name);
    const differences = (Object.entries(settings) as [SettingKey, number | string][]).map(
      ([key, value]) => `\`${key}=${shown(key, value)}\``,
    );
    lines.push(`| \`${name}\` | ${meaning} | ${differences.join(", ") || "nothing"} |`);
  }
  return `${lines.join("\n")}\n`;
}

function shown(key: SettingKey, value: number | string): string {
  return settingSpec(key).kind === "count" ? formatCount(Number(value)) : String(value);
}
