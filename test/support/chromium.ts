// Debian's Chromium, driven by playwright-core, with a new and empty profile for every browser; and a live page to open.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { projectFile } from "../../src/project.ts";
import { PATIENCE_MS } from "./eventually.ts";
import { type RunningCommand, startMegaflow } from "./megaflow-command.ts";

/** Starts a browser that asks nobody for anything. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    timeout: 180_000,
    executablePath: "/usr/bin/chromium",
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** A `megaflow run` with a live page. */
export interface LiveSwitch {
  readonly command: RunningCommand;
  readonly url: string;
  readonly token: string;
}

/** Sends the example capture round and round through the example rules on CPU 0, and serves the page on `port`, 0 = a free one. */
export async function startLiveSwitch(folder: string, port = 0): Promise<LiveSwitch> {
  const config = `cores: [0]
ports:
  - {number: 1, name: wire, kind: trace, file: ${projectFile("examples/captures/lab.pcap")}}
  - {number: 2, name: hosts, kind: null}
  - {number: 3, name: servers, kind: null}
flows: ${projectFile("examples/three-tables.flows")}
`;
  const file = join(folder, "live.yaml");
  writeFileSync(file, config);
  const command = startMegaflow([
    "run",
    file,
    "--http",
    `127.0.0.1:${port}`,
    "--for",
    "600s",
    "--every",
    "60s",
  ]);
  let said = "";
  const [, url, token] = await new Promise<RegExpExecArray>((resolve, reject) => {
    command.process.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      const found = /live page at (http:\S+\/), read-only without its token: (\S+)\n/.exec(said);
      if (found !== null) resolve(found);
    });
    command.result.then(
      ({ status, stderr }) => reject(new Error(`it ended with ${status}: ${stderr}`)),
      reject,
    );
  });
  return { command, url: url as string, token: token as string };
}

/** A page and what went wrong in it. */
export interface OpenPage {
  readonly page: Page;
  /** Errors and warnings of the console, exceptions, and requests to anywhere else. */
  readonly problems: readonly string[];
  /** Ends it; fails if anything went wrong. */
  readonly close: () => Promise<void>;
}

/** Opens the page in a context of its own: nobody's storage, no token. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<OpenPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const problems: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`exception: ${error.message}`));
  page.on("request", (sent) => {
    if (!sent.url().startsWith(url)) problems.push(`request to ${sent.url()}`);
  });
  await page.goto(url);
  await page.locator("#tiles dd").first().waitFor();
  const close = async (): Promise<void> => {
    await context.close();
    assert.deepEqual(problems, []);
  };
  return { page, problems, close };
}
