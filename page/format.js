// Numbers with their units, as people read them. A figure space keeps number and unit on one line.

const NB = "\u00a0";

/**
 * Three digits and a decimal prefix: 5240000 -> `5.24 M`.
 * @param {number} value
 * @param {string} unit
 */
export function si(value, unit) {
  if (!Number.isFinite(value)) return "–";
  const steps = ["", "k", "M", "G", "T"];
  let scaled = Math.abs(value);
  let step = 0;
  while (scaled >= 999.5 && step < steps.length - 1) {
    scaled /= 1000;
    step++;
  }
  return `${value < 0 ? "−" : ""}${digits(scaled)}${NB}${steps[step]}${unit}`;
}

/** @param {number} value packets a second */
export const packetRate = (value) => si(value, "pps");

/** @param {number} value a second */
export const perSecond = (value) => si(value, "/s");

/** @param {number} value bits a second */
export const bitRate = (value) => si(value, "bit/s");

/** @param {number} value 0 to 1 */
export function percent(value) {
  if (!Number.isFinite(value)) return "–";
  const hundredths = value * 100;
  if (hundredths > 0 && hundredths < 0.01) return `<${NB}0.01${NB}%`;
  if (hundredths < 100 && hundredths > 99.99) return `>${NB}99.99${NB}%`;
  if (hundredths === 0 || hundredths === 100) return `${hundredths}${NB}%`;
  const places = hundredths >= 10 && hundredths < 99.95 ? 1 : 2;
  return `${hundredths.toFixed(places)}${NB}%`;
}

/** @param {number} value */
export const cycles = (value) => (value > 0 ? `${digits(value)}${NB}cycles` : "–");

/** @param {number} value of two like quantities, so without a unit */
export const ratio = (value) => digits(value);

/** @param {number} value */
export const count = (value) => Math.round(value).toLocaleString("en-US");

/** @param {number} value bytes */
export function bytes(value) {
  const steps = ["B", "KiB", "MiB", "GiB", "TiB"];
  let scaled = value;
  let step = 0;
  while (scaled >= 1024 && step < steps.length - 1) {
    scaled /= 1024;
    step++;
  }
  return `${step === 0 ? Math.round(scaled) : digits(scaled)}${NB}${steps[step]}`;
}

/**
 * A size as settings write it: 65536 -> `64k`.
 * @param {number} value
 */
export function entries(value) {
  if (value >= 1 << 20 && value % (1 << 20) === 0) return `${value / (1 << 20)}M`;
  if (value >= 1024 && value % 1024 === 0) return `${value / 1024}k`;
  return String(value);
}

/** @param {number} seconds */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole}${NB}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}${NB}min ${whole % 60}${NB}s`;
  const hours = Math.floor(whole / 3600);
  if (hours < 48) return `${hours}${NB}h ${Math.floor((whole % 3600) / 60)}${NB}min`;
  return `${Math.floor(hours / 24)}${NB}days ${hours % 24}${NB}h`;
}

/** @param {number} value */
function digits(value) {
  if (value === 0) return "0";
  if (value >= 100) return value.toFixed(0);
  if (value >= 10) return value.toFixed(1);
  return value >= 1 ? value.toFixed(2) : value >= 0.001 ? value.toPrecision(2) : "0.00";
}
