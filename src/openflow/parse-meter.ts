// Meters in ovs-ofctl's syntax: `meter=1 kbps burst bands=type=drop rate=1000 burst_size=500`.

import { FlowText, type Piece, splitTokens } from "./key-value.ts";
import { METER_CONTROLLER, METER_ID_MAX, METER_SLOWPATH, type Meter, type MeterBand } from "./meter.ts";
import { parseU8, parseU32 } from "./parse-number.ts";

type BandDraft = { -readonly [K in keyof MeterBand]: MeterBand[K] };

/** Reads one meter. */
export function parseMeter(text: string, file?: string): Meter {
  const source = new FlowText(text, { file });
  const bandWord = text.indexOf("band");
  const bandsAt = bandWord < 0 ? -1 : text.indexOf("=", bandWord);
  if (bandsAt < 0) throw source.error(text.length, "must specify bands", "bands=type=drop,rate=...");
  const head = parseHead(source, splitTokens({ text: text.slice(0, bandWord), at: 0 }, "=, \t\r\n"));
  const bands = parseBands(
    source,
    splitTokens({ text: text.slice(bandsAt + 1), at: bandsAt + 1 }, "=, \t\r\n"),
  );
  for (const band of bands) checkBand(source, band, head.burst, bandsAt + 1);
  return { ...head, bands };
}

function parseHead(source: FlowText, tokens: readonly Piece[]): Omit<Meter, "bands"> {
  let meterId = 0;
  let unit: Meter["unit"] | undefined;
  let burst = false;
  let stats = false;
  for (let i = 0; i < tokens.length; i++) {
    const word = tokens[i]!;
    if (word.text === "kbps" || word.text === "pktps") unit = word.text;
    else if (word.text === "burst") burst = true;
    else if (word.text === "stats") stats = true;
    else if (word.text === "meter") meterId = parseMeterId(source, tokens[++i] ?? { text: "", at: word.at });
    else
      throw source.error(word.at, "unknown keyword", "meter, kbps, pktps, burst, stats or bands", word.text);
  }
  if (meterId === 0) throw source.error(0, "must specify 'meter'", "meter=ID");
  if (unit === undefined)
    throw source.error(0, "meter must specify either 'kbps' or 'pktps'", "kbps or pktps");
  return { meterId, unit, burst, stats };
}

function parseMeterId(source: FlowText, piece: Piece): number {
  if (piece.text === "controller") return METER_CONTROLLER;
  if (piece.text === "slowpath") return METER_SLOWPATH;
  const id = parseU32(source, piece, "meter id");
  if (id >= 1 && id <= METER_ID_MAX) return id;
  throw source.error(
    piece.at,
    "invalid meter id",
    `1 to ${METER_ID_MAX}, controller or slowpath`,
    piece.text,
  );
}

function parseBands(source: FlowText, tokens: readonly Piece[]): MeterBand[] {
  const bands: BandDraft[] = [];
  for (let i = 0; i < tokens.length; i += 2) {
    const name = tokens[i]!;
    const value = tokens[i + 1];
    if (value === undefined)
      throw source.error(name.at, `field ${name.text} missing value`, `${name.text}=VALUE`);
    const band = bands.at(-1);
    if (name.text === "type") bands.push({ type: bandType(source, value), rate: 0, burst: 0, precLevel: 0 });
    else if (band === undefined) {
      throw source.error(
        name.at,
        "band must start with the 'type' keyword",
        "type=drop or type=dscp_remark",
        name.text,
      );
    } else if (name.text === "rate") band.rate = parseU32(source, value, "rate");
    else if (name.text === "burst_size") band.burst = parseU32(source, value, "burst_size");
    else if (name.text === "prec_level") band.precLevel = parseU8(source, value, "prec_level");
    else throw source.error(name.at, "unknown keyword", "type, rate, burst_size or prec_level", name.text);
  }
  if (bands.length === 0)
    throw source.error(source.text.length, "meter must have bands", "type=drop,rate=...");
  return bands;
}

function bandType(source: FlowText, value: Piece): MeterBand["type"] {
  if (value.text === "drop" || value.text === "dscp_remark") return value.text;
  throw source.error(value.at, "unknown band type", "drop or dscp_remark", value.text);
}

function checkBand(source: FlowText, band: MeterBand, burst: boolean, at: number): void {
  if (band.rate === 0) throw source.error(at, "band must have 'rate'", "rate=1 or more");
  if (band.type === "dscp_remark" && band.precLevel === 0) {
    throw source.error(at, "'dscp_remark' band must have 'prec_level'", "prec_level=1 or more");
  }
  if (band.type === "drop" && band.precLevel !== 0) {
    throw source.error(at, "only 'dscp_remark' band may have 'prec_level'", "no prec_level");
  }
  if (burst && band.burst === 0) {
    throw source.error(at, "band must have 'burst_size' when 'burst' flag is set", "burst_size=1 or more");
  }
  if (!burst && band.burst !== 0) {
    throw source.error(
      at,
      "band may have 'burst_size' only when 'burst' flag is set",
      "burst, or no burst_size",
    );
  }
}
