// `--sweep KEY=VALUE,VALUE`: the same measurement over several values of one setting.
import {
  isSettingKey,
  parseSetting,
  type SettingKey,
  type Settings,
  unknownSetting,
} from "../config/settings.ts";
import { ConfigError } from "../errors.ts";
import { lineChart } from "./report/svg.ts";
import type { BenchResult } from "./result.ts";

/** A setting and the values it shall take. */
export interface Sweep {
  readonly key: SettingKey;
  readonly values: readonly { readonly text: string; readonly value: Settings[SettingKey] }[];
}

/** Reads `KEY=VALUE,VALUE,...`. Throws ConfigError. */
export function parseSweep(text: string): Sweep {
  const equals = text.indexOf("=");
  if (equals < 1) throw new ConfigError("sweep", { expected: "KEY=VALUE,VALUE,...", got: text });
  const key = text.slice(0, equals);
  if (!isSettingKey(key)) throw unknownSetting(key);
  const values = text.slice(equals + 1).split(",");
  return { key, values: values.map((value) => ({ text: value, value: parseSetting(key, value.trim()) })) };
}

/** The rate over the values, as a picture. */
export function sweepPicture(sweep: Sweep, results: readonly BenchResult[]): string {
  const points = sweep.values.map((value, i) => ({ x: value.text, y: results[i]!.mpps }));
  return lineChart(`Rate over ${sweep.key}`, "Mpps", [{ label: "Mpps", points }]);
}
