// Meters: rate limits that packets are counted against (OpenFlow 1.3 section 5.7).

/** What happens to a packet above a band's rate. */
export interface MeterBand {
  readonly type: "drop" | "dscp_remark";
  /** kb/s or packets/s, as the meter's unit says. */
  readonly rate: number;
  /** kb or packets that may come at once; 0 leaves it to the switch. */
  readonly burst: number;
  /** Drop precedences to add, for dscp_remark. */
  readonly precLevel: number;
}

/** A meter's configuration. */
export interface Meter {
  readonly meterId: number;
  readonly unit: "kbps" | "pktps";
  /** The bands' burst sizes are meant. */
  readonly burst: boolean;
  /** Statistics are wanted. */
  readonly stats: boolean;
  readonly bands: readonly MeterBand[];
}

/** Highest id of an ordinary meter. */
export const METER_ID_MAX = 0xffff0000;
/** Meter of what goes to the controller. */
export const METER_CONTROLLER = 0xfffffffe;
/** Meter of what goes to the slow path. */
export const METER_SLOWPATH = 0xfffffffd;
