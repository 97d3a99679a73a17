// A pcapng interface: its link type, how its time stamps count (if_tsresol, if_tsoffset), and the exact
// arithmetic that turns a 64-bit count of units into seconds and nanoseconds without making a bigint a packet.

/** What an interface description block says, and the time of its last packet. */
export interface CaptureInterface {
  readonly linkType: number;
  /** Longest captured packet; 0 = no limit. */
  readonly snapLength: number;
  /** Time units of a second: 10^n, or 2^n when `binary`. */
  readonly unitsPerSecond: number;
  readonly binary: boolean;
  /** Seconds to add to every time stamp. */
  readonly offsetSeconds: number;
  /** Time stamp that `splitTimestamp` read last. */
  seconds: number;
  nanoseconds: number;
}

const OPTION_END = 0;
const OPTION_TSRESOL = 9;
const OPTION_TSOFFSET = 14;

/** Powers of ten up to this one divide a 64-bit count with exact double arithmetic. */
const EXACT_DECIMAL_MAX = 1_000_000_000;

/** Reads an interface block's body, from its link type to the end of its options. */
export function readInterface(
  view: DataView,
  start: number,
  end: number,
  littleEndian: boolean,
): CaptureInterface {
  let resolution = 6;
  let offsetSeconds = 0;
  for (let at = start + 8; at + 4 <= end; ) {
    const code = view.getUint16(at, littleEndian);
    const length = view.getUint16(at + 2, littleEndian);
    const value = at + 4;
    if (code === OPTION_END || value + length > end) break;
    if (code === OPTION_TSRESOL && length >= 1) resolution = view.getUint8(value);
    if (code === OPTION_TSOFFSET && length >= 8) {
      offsetSeconds = Number(view.getBigInt64(value, littleEndian));
    }
    at = value + ((length + 3) & ~3);
  }
  const binary = (resolution & 0x80) !== 0;
  return {
    linkType: view.getUint16(start, littleEndian),
    snapLength: view.getUint32(start + 4, littleEndian),
    unitsPerSecond: (binary ? 2 : 10) ** (resolution & 0x7f),
    binary,
    offsetSeconds,
    seconds: 0,
    nanoseconds: 0,
  };
}

/** Sets `origin.seconds` and `origin.nanoseconds` to a time stamp of `high * 2^32 + low` units. */
export function splitTimestamp(origin: CaptureInterface, high: number, low: number): void {
  const units = origin.unitsPerSecond;
  if (origin.binary || units > EXACT_DECIMAL_MAX) {
    splitSlowly(origin, high, low);
    return;
  }
  // Long division in digits of 32, 16 and 16 bits: every partial value is below 10^9 * 2^16 < 2^53.
  const rest1 = high % units;
  const value2 = rest1 * 65536 + (low >>> 16);
  const rest2 = value2 % units;
  const value3 = rest2 * 65536 + (low & 0xffff);
  const rest3 = value3 % units;
  origin.seconds =
    ((high - rest1) / units) * 4294967296 +
    ((value2 - rest2) / units) * 65536 +
    (value3 - rest3) / units +
    origin.offsetSeconds;
  origin.nanoseconds = rest3 * (EXACT_DECIMAL_MAX / units);
}

/** Units finer than a nanosecond are cut off; binary ones are scaled. */
function splitSlowly(origin: CaptureInterface, high: number, low: number): void {
  const units = BigInt(origin.unitsPerSecond);
  const stamp = (BigInt(high) << 32n) | BigInt(low);
  origin.seconds = Number(stamp / units) + origin.offsetSeconds;
  origin.nanoseconds = Number(((stamp % units) * 1_000_000_000n) / units);
}
