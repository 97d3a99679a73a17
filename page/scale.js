// Round numbers for axes.

/**
 * The smallest of 1, 2, 5 times a power of ten that is not below `least`.
 * @param {number} least
 */
export function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  const factor = [1, 2, 5, 10].find((one) => one * power >= least * 0.9999) ?? 10;
  return factor * power;
}

const timeSteps = [10, 15, 30, 60, 120, 180, 300, 600].map((seconds) => seconds * 1000);

/**
 * The shortest round time of which no more than `most` fit into `span` milliseconds.
 * @param {number} span
 * @param {number} most
 */
export function timeStep(span, most) {
  return timeSteps.find((step) => span / step <= most) ?? span;
}
