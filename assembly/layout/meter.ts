// Meters: token buckets that all PMDs share, so that one meter's rate holds over all of them. A bucket
// fills with time and every packet takes from the bucket of each band; a band without enough is exceeded,
// and the exceeded band with the highest rate decides (OpenFlow 1.3 section 5.7).
//
// Tokens are thousandths: of a packet, or of a bit. One of `rate` comes a millisecond for each unit of a
// pktps meter (packets a second) and for each thousandth of a kbps meter (bits a millisecond).

export const METER_MAX: u32 = 1024;
export const METER_BANDS_MAX: u32 = 8;

/** Taken while a PMD works on the meter; 0 = free. */
export const METER_LOCK: u32 = 0;
/** Bands; 0 = no such meter. */
export const METER_BANDS: u32 = 4;
/** 1: rates are packets a second; 0: kilobits a second. */
export const METER_PACKETS: u32 = 8;
/** Clock in ms when the buckets were filled last. */
export const METER_FILLED: u32 = 12;
/** Packets and bytes that came, u64 each. */
export const METER_IN_PACKETS: u32 = 16;
export const METER_IN_BYTES: u32 = 24;
/** First band; METER_BAND_SIZE apart. */
export const METER_BAND0: u32 = 32;

/** Band: what is done above the rate, one of METER_DROP and METER_REMARK. */
export const METER_BAND_TYPE: u32 = 0;
/** Drop precedences to add. */
export const METER_BAND_LEVEL: u32 = 4;
/** Rate in the meter's unit. */
export const METER_BAND_RATE: u32 = 8;
/** u64 thousandths: what the bucket holds at most, and what is in it. */
export const METER_BAND_BURST: u32 = 16;
export const METER_BAND_TOKENS: u32 = 24;
/** Packets and bytes that the band caught, u64 each. */
export const METER_BAND_HITS: u32 = 32;
export const METER_BAND_BYTES: u32 = 40;
export const METER_BAND_SIZE: u32 = 48;

/** 32 + 8 * 48 = 416, rounded up to a cache line. */
export const METER_SIZE: u32 = 448;

export const METER_DROP: u32 = 0;
export const METER_REMARK: u32 = 1;
