// Small charts as SVG, with no library: bars, stacked bars and lines. Colours work in light and dark.

const palette = ["#3b7dd8", "#e08a2e", "#3aa66b", "#c44e8a", "#8a6fd1", "#8c8c8c", "#b8a13a", "#56a7b5"];
const ROW_HEIGHT = 22;
const CHART_WIDTH = 560;
/** Pixels of a letter, on average. */
const LETTER_WIDTH = 6.8;

/** One bar: its parts lie end to end. */
export interface Bar {
  readonly label: string;
  readonly parts: readonly number[];
  /** Written behind the bar. */
  readonly value: string;
}

/** Horizontal bars, one a row; `legend` names the parts. */
export function barChart(title: string, bars: readonly Bar[], legend: readonly string[] = []): string {
  const longest = Math.max(...bars.map((bar) => sum(bar.parts)), Number.MIN_VALUE);
  const top = legend.length > 0 ? 52 : 30;
  const left = textWidth(bars.map((bar) => bar.label)) + 16;
  const rows = bars.map((bar, row) => {
    const y = top + row * ROW_HEIGHT;
    let x = left;
    const parts = bar.parts.map((part, i) => {
      const width = (part / longest) * CHART_WIDTH;
      const rect = `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW_HEIGHT - 6}" fill="${colour(i)}"/>`;
      x += width;
      return rect;
    });
    const middle = y + ROW_HEIGHT / 2 + 1;
    const label = `<text x="${left - 8}" y="${middle}" text-anchor="end">${escapeXml(bar.label)}</text>`;
    return `${label}${parts.join("")}<text x="${(x + 6).toFixed(1)}" y="${middle}">${escapeXml(bar.value)}</text>`;
  });
  const width = left + CHART_WIDTH + textWidth(bars.map((bar) => bar.value)) + 12;
  return picture(title, width, top + bars.length * ROW_HEIGHT + 8, [...legendItems(legend), ...rows]);
}

/** One line of a line chart; points in the order of x. */
export interface Line {
  readonly label: string;
  readonly points: readonly { readonly x: string; readonly y: number }[];
}

/** Lines over named positions, as a sweep makes them. */
export function lineChart(title: string, unit: string, lines: readonly Line[]): string {
  const names = lines[0]?.points.map((point) => point.x) ?? [];
  const highest = Math.max(...lines.flatMap((line) => line.points.map((point) => point.y)), Number.MIN_VALUE);
  const height = 240;
  const left = 60;
  const top = 52;
  const x = (i: number) => left + 20 + (i * (CHART_WIDTH - 40)) / Math.max(1, names.length - 1);
  const y = (value: number) => top + height - (value / (highest * 1.1)) * height;
  const axis = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const value = highest * share;
    const at = y(value).toFixed(1);
    return `<line x1="${left}" y1="${at}" x2="${left + CHART_WIDTH}" y2="${at}" stroke="currentColor" stroke-opacity="0.2"/><text x="${left - 6}" y="${at}" text-anchor="end" dominant-baseline="middle">${value.toFixed(1)}</text>`;
  });
  const labels = names.map(
    (name, i) =>
      `<text x="${x(i).toFixed(1)}" y="${top + height + 18}" text-anchor="middle">${escapeXml(name)}</text>`,
  );
  const drawn = lines.map((line, k) => {
    const points = line.points.map((point, i) => `${x(i).toFixed(1)},${y(point.y).toFixed(1)}`);
    const dots = points.map((point) => {
      const [cx, cy] = point.split(",");
      return `<circle cx="${cx}" cy="${cy}" r="3" fill="${colour(k)}"/>`;
    });
    return `<polyline points="${points.join(" ")}" fill="none" stroke="${colour(k)}" stroke-width="2"/>${dots.join("")}`;
  });
  const legend = lines.length > 1 ? lines.map((line) => line.label) : [];
  return picture(`${title} (${unit})`, left + CHART_WIDTH + 20, top + height + 32, [
    ...legendItems(legend),
    ...axis,
    ...labels,
    ...drawn,
  ]);
}

/** Text that may stand in XML and HTML. */
export function escapeXml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

function picture(title: string, width: number, height: number, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeXml(title)}" font-family="system-ui, sans-serif" font-size="12" fill="currentColor" color="#888">`,
    `<text x="8" y="18" font-size="14" font-weight="600">${escapeXml(title)}</text>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

function legendItems(names: readonly string[]): string[] {
  let x = 8;
  return names.map((name, i) => {
    const item = `<rect x="${x}" y="28" width="11" height="11" fill="${colour(i)}"/><text x="${x + 15}" y="38">${escapeXml(name)}</text>`;
    x += 26 + textWidth([name]);
    return item;
  });
}

/** Room that the longest of some texts needs. */
function textWidth(texts: readonly string[]): number {
  return Math.ceil(Math.max(...texts.map((text) => text.length)) * LETTER_WIDTH);
}

function colour(index: number): string {
  return palette[index % palette.length]!;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
