// Tables for people: columns aligned in plain text, or as Markdown.

/** Rows of cells under their titles; numbers are set right. */
export interface Table {
  readonly titles: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const isNumber = (cell: string) =>
  /^[-+±~]?[\d.,]+( ?(%|x|ns|Mpps))?$/.test(cell) || cell === "-" || cell === "";

/** Lines of a table with aligned columns. */
export function plainTable(table: Table): string[] {
  const widths = table.titles.map((title, i) =>
    Math.max(title.length, ...table.rows.map((row) => row[i]?.length ?? 0)),
  );
  const right = rightAligned(table);
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (right[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd();
  return [line(table.titles), ...table.rows.map(line)];
}

/** Lines of a Markdown table. */
export function markdownTable(table: Table): string[] {
  const right = rightAligned(table);
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [
    line(table.titles),
    `| ${right.map((is) => (is ? "---:" : "---")).join(" | ")} |`,
    ...table.rows.map(line),
  ];
}

/** Lines of comma-separated values (RFC 4180). */
export function csvLines(table: Table): string[] {
  const cell = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return [table.titles, ...table.rows].map((row) => row.map(cell).join(","));
}

function rightAligned(table: Table): boolean[] {
  return table.titles.map(
    (_, i) => table.rows.length > 0 && table.rows.every((row) => isNumber(row[i] ?? "")),
  );
}
