// Renders the documents that come from tables of the code: docs/settings.md, docs/metrics.md and docs/cli.md.

import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { commands } from "../src/cli/commands.ts";
import { cliMarkdown } from "../src/cli/format/cli-markdown.ts";
import { settingsMarkdown } from "../src/cli/format/settings-text.ts";
import { metricsMarkdown } from "../src/page/metrics.ts";

/** Path from the root of the package -> text. */
export function generatedDocs(): ReadonlyMap<string, string> {
  return new Map([
    ["docs/settings.md", settingsMarkdown()],
    ["docs/metrics.md", metricsMarkdown()],
    [
      "docs/cli.md",
      cliMarkdown(commands.flatMap(({ spec, parts = [] }) => [spec, ...parts.map((part) => part.spec)])),
    ],
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of generatedDocs()) await writeFile(new URL(`../${path}`, import.meta.url), text);
}
