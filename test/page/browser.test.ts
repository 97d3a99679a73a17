// The live page of a running switch in a real browser: what a person sees, types and hears read aloud.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import type { Description, History } from "../../src/page/shapes.ts";
import { type LiveSwitch, launchChromium, openPage, startLiveSwitch } from "../support/chromium.ts";
import { eventually } from "../support/eventually.ts";
import { NEED_CHROMIUM, needs } from "../support/needs.ts";
import { parseExposition } from "../support/prometheus-text.ts";

const checks = readFileSync(new URL("page-checks.js", import.meta.url), "utf8");
const skip = needs(NEED_CHROMIUM);
const folder = mkdtempSync(join(tmpdir(), "megaflow-page-"));
let live: LiveSwitch;
let browser: Browser;

before(
  async () => {
    if (skip !== false) return;
    [live, browser] = await Promise.all([startLiveSwitch(folder), launchChromium()]);
  },
  { timeout: 400_000 },
);

after(async () => {
  await browser?.close();
  live?.command.process.kill("SIGTERM");
  await live?.command.result;
  rmSync(folder, { recursive: true });
});

async function api<T>(path: string): Promise<T> {
  return (await (await fetch(`${live.url}${path}`)).json()) as T;
}

/** Entries of the microflow cache that the PMD has, as its own control block says. */
async function runningEntries(): Promise<number> {
  const families = parseExposition(await (await fetch(`${live.url}metrics`)).text());
  const samples = families.get("megaflow_pmd_cache_entries")?.samples ?? [];
  return samples.find(({ labels }) => labels["cache"] === "microflow")?.value as number;
}

/** Number that a text begins with, its prefix worked in: `1.82 Mpps`. */
function number(text: string | null): number {
  const found = /^([\d.,]+)\s*([kMG]?)/.exec(text ?? "");
  assert.ok(found !== null, `no number: ${text}`);
  return (
    Number((found[1] as string).replaceAll(",", "")) *
    { "": 1, k: 1e3, M: 1e6, G: 1e9 }[found[2] as "" | "k" | "M" | "G"]
  );
}

const focused = (page: Page): Promise<string> => page.evaluate<string>("document.activeElement.id");
const big = (page: Page, tile: number) => page.locator("#tiles .big").nth(tile).textContent();
const linePoints = async (page: Page): Promise<number> =>
  ((await page.locator("#chart-rate path.line").first().getAttribute("d")) ?? "").split("L").length;

async function unlock(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Unlock changes" }).click();
  await page.getByLabel("Token").fill(live.token);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Lock changes", exact: true }).waitFor();
}

test("values move, with units, and say what the switch says", { skip }, async () => {
  const { page, close } = await openPage(browser, live.url);
  assert.equal(await page.title(), "br0 · Megaflow");
  await page.locator('#link[data-state="live"]').waitFor();
  const shown = new Set<string | null>();
  await eventually(
    () => `three different rates, not ${[...shown].join()}`,
    async () => shown.add(await big(page, 0)).size >= 3,
  );
  assert.match([...shown].at(-1) as string, /^[\d.]+\s[kM]?pps$/);
  await eventually("a rate that only packets make", async () => number(await big(page, 0)) > 100);
  assert.equal(number(await big(page, 6)), 41);
  const texts = await page
    .locator("#tiles .big, #tiles .quiet, #cores td, #ports td, #drops td")
    .allTextContents();
  for (const text of texts) {
    assert.match(
      text,
      /^$|(pps|\/s|%|cycles|ns|bit\/s|cores?|lost|masked|masks|policy|nothing|[a-z ]+)$|^[\d,.]+$/,
      text,
    );
  }
  const stages = (await page.locator("#chart-stages .legend span").allTextContents()).slice(0, -1);
  assert.deepEqual(stages, (await api<Description>("api/switch")).stages);
  for (const chart of ["#chart-stages path.area", "#chart-hits path.area"]) {
    await eventually(
      `${chart} is drawn`,
      async () => ((await page.locator(chart).first().getAttribute("d")) ?? "").length > 20,
    );
  }
  assert.deepEqual(await page.locator("#ports tbody th").allTextContents(), [
    "1 wire",
    "2 hosts",
    "3 servers",
  ]);
  await close();
});

test("a reload shows the history at once", { skip }, async () => {
  const { page, close } = await openPage(browser, live.url);
  await eventually("eight seconds of history", async () => (await linePoints(page)) >= 8);
  const before = await linePoints(page);
  await page.reload();
  await page.locator("#chart-rate path.line").first().waitFor({ state: "attached" });
  await eventually("the history is drawn", async () => (await linePoints(page)) > 1);
  assert.ok((await linePoints(page)) >= before, "as long as before the reload");
  await eventually("all of the history is drawn", async () => {
    const { samples } = await api<History>("api/history");
    return Math.abs((await linePoints(page)) - samples.length) <= 2;
  });
  await close();
});

test("the search finds megaflows by words and marks them", { skip }, async () => {
  const { page, close } = await openPage(browser, live.url);
  const count = page.locator("#flows-count");
  await page.locator("#flows").scrollIntoViewIfNeeded();
  await eventually(
    "all are listed",
    async () => (await count.textContent())?.startsWith("41 megaflows") === true,
  );
  await page.getByLabel("Search").fill("UDP dst=5201");
  await eventually("few are listed", async () =>
    /^[1-9] of 41 megaflows match$/.test((await count.textContent()) ?? ""),
  );
  const rows = await page.locator("#flows tbody tr").allTextContents();
  assert.ok(
    rows.length > 0 && rows.every((row) => row.includes("udp(") && row.includes("dst=5201")),
    rows.join("\n"),
  );
  assert.ok((await page.locator("#flows mark").allTextContents()).includes("dst=5201"));
  await page.getByLabel("Search").fill("no such flow");
  await eventually("none is listed", async () => (await page.locator("#flows tbody tr").count()) === 0);
  await page.getByLabel("Search").fill("");
  await page.getByLabel("Sort by").selectOption("bytes");
  await eventually(
    "all are listed again",
    async () => (await page.locator("#flows tbody tr").count()) === 25,
  );
  await eventually("rates are told", async () =>
    /pps$/.test((await page.locator("#flows tbody td:nth-child(4)").first().textContent()) ?? ""),
  );
  await close();
});

test("it is read-only without the token, and the token is asked for once", { skip }, async () => {
  const { page, problems, close } = await openPage(browser, live.url);
  const slider = page.getByLabel("Microflow cache", { exact: true });
  assert.equal(await slider.isDisabled(), true);
  await page.getByRole("button", { name: "Unlock changes" }).click();
  await page.getByLabel("Token").fill("not the token");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: "not the token of this switch" }).waitFor();
  assert.equal(await slider.isDisabled(), true);
  // The browser itself notes the refusal in the console; nothing else may be there.
  assert.match((problems as string[]).splice(0).join(), /^error: Failed to load resource: .*401/);
  await page.getByLabel("Token").fill(live.token);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Lock changes", exact: true }).waitFor();
  assert.equal(await slider.isEnabled(), true);
  await page.reload();
  await page.getByRole("button", { name: "Lock changes", exact: true }).waitFor();
  assert.equal(await page.getByLabel("Microflow cache", { exact: true }).isEnabled(), true);
  await page.getByRole("button", { name: "Lock changes", exact: true }).click();
  assert.equal(await page.getByLabel("Microflow cache", { exact: true }).isDisabled(), true);
  assert.doesNotMatch(await page.evaluate<string>("JSON.stringify({ ...localStorage })"), /token/);
  await close();
});

test("a slider resizes the cache of the running switch, by keys alone", { skip }, async () => {
  const { page, close } = await openPage(browser, live.url);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate("document.activeElement.textContent"), "Skip to the numbers");
  for (let i = 0; i < 20; i++) {
    await page.keyboard.press("Tab");
    if ((await focused(page)) === "unlock") break;
  }
  await page.keyboard.press("Enter");
  assert.equal(await focused(page), "token-input");
  await page.keyboard.type(live.token);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Lock changes", exact: true }).waitFor();
  assert.equal(await focused(page), "unlock", "focus comes back from the dialog");
  for (let i = 0; i < 30; i++) {
    await page.keyboard.press("Tab");
    if ((await focused(page)) === "set-microflow.entries") break;
  }
  const entries = await runningEntries();
  assert.equal(entries, 262_144);
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  await page.getByText("Applied. Microflow cache: 64k entries.").waitFor();
  assert.equal(await runningEntries(), 65_536);
  assert.match((await page.locator(":focus").getAttribute("aria-valuetext")) ?? "", /^64k entries$/);
  assert.match((await page.locator("#tiles .big").first().textContent()) ?? "", /pps$/);
  await page.keyboard.press("Home");
  await page.getByText("Applied. Microflow cache: off.").waitFor();
  assert.equal(await runningEntries(), 0);
  await eventually("nothing is found by the microflow cache", async () => number(await big(page, 3)) === 0);
  await close();
});

test("a change from elsewhere moves the slider of every open page", { skip }, async () => {
  const { page, close } = await openPage(browser, live.url);
  const headers = { Authorization: `Bearer ${live.token}`, "Content-Type": "application/json" };
  const body = JSON.stringify({ "microflow.entries": 8192, "maskCache.victim": "kernel" });
  assert.equal((await fetch(`${live.url}api/settings`, { method: "POST", headers, body })).status, 200);
  await eventually(
    "the slider shows it",
    async () => (await page.locator('output[for="set-microflow.entries"]').textContent()) === "8k entries",
  );
  assert.equal(await page.getByLabel("Mask cache replaces").inputValue(), "kernel");
  await unlock(page);
  await page.getByLabel("Pruned lookup").selectOption("off");
  await page.getByText("Applied. Pruned lookup: off.").waitFor();
  const { settings } = await api<Description>("api/switch");
  assert.equal(settings.find(({ key }) => key === "pruning")?.value, "off");
  await close();
});

test("the arrow keys read a chart's past aloud, and all charts show the same moment", { skip }, async () => {
  const { page, close } = await openPage(browser, live.url);
  await eventually("a few seconds of history", async () => (await linePoints(page)) >= 5);
  await page.getByRole("button", { name: "Pause" }).press("Enter");
  const chart = page.getByRole("slider", { name: "Packets received" });
  await chart.focus();
  assert.match((await chart.getAttribute("aria-valuetext")) ?? "", /^now: PMD 0.*\s[kM]?pps$/);
  for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowLeft");
  // Three samples, a second apart: more when the machine was late with one.
  const said = (await chart.getAttribute("aria-valuetext")) ?? "";
  const [, ago = ""] = /^(\d+)\s+s ago: PMD 0/.exec(said) ?? [];
  assert.ok(Number(ago) >= 2, said);
  const stages = page.getByRole("slider", { name: "Cycles a packet" });
  assert.match(
    (await stages.getAttribute("aria-valuetext")) ?? "",
    new RegExp(`^${ago}\\s+s ago: receive [\\d.]+\\s+cycles, .*together`),
  );
  const before = await big(page, 0);
  await new Promise((resolve) => setTimeout(resolve, 2500));
  assert.equal(await big(page, 0), before, "a paused page stands still");
  await page.getByRole("button", { name: "Resume" }).click();
  await eventually("it moves again", async () => (await big(page, 0)) !== before);
  await close();
});

test("the profiler is turned on from the page, and its curves mark the present sizes", { skip }, async () => {
  const { page, close } = await openPage(browser, live.url);
  await page.locator("#curves-note").scrollIntoViewIfNeeded();
  await page.getByText("Not profiling.").waitFor();
  assert.equal(await page.getByRole("button", { name: "Start profiling" }).isDisabled(), true);
  await unlock(page);
  await page.getByRole("button", { name: "Start profiling" }).click();
  await page.getByRole("button", { name: "Stop profiling" }).waitFor();
  const plot = page.locator("#curves svg");
  await eventually("curves are drawn", async () => (await plot.locator("path.line").count()) === 3);
  await eventually("the present size is marked", async () => (await plot.locator("circle").count()) >= 1);
  assert.match(
    (await plot.getAttribute("aria-label")) ?? "",
    /microflow cache: [\d.]+\s% missed at \d+k entries/,
  );
  assert.match(
    (await page.locator("#curves-note").textContent()) ?? "",
    /connections, .* which no size can answer/,
  );
  // They may have come to rest: what the page has to do is ask again.
  for (let i = 0; i < 2; i++) await page.waitForResponse(/\/api\/curves$/);
  assert.equal(await plot.locator("path.line").count(), 3);
  await page.getByRole("button", { name: "Stop profiling" }).click();
  await page.getByText("Not profiling.").waitFor();
  await close();
});

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [390, 1280]) {
    test(`it is readable at ${width} pixels, ${colorScheme}`, { skip }, async () => {
      const phone = width < 500 ? { isMobile: true, hasTouch: true } : {};
      const options = { viewport: { width, height: 844 }, colorScheme, ...phone };
      const { page, close } = await openPage(browser, live.url, options);
      await unlock(page);
      await page.locator("#flows").scrollIntoViewIfNeeded();
      await page.locator("#flows tbody tr").first().waitFor();
      assert.ok(
        (await page.evaluate<number>("document.documentElement.scrollWidth")) <= width,
        "nothing sticks out",
      );
      assert.deepEqual(await page.evaluate(`${checks} lowContrasts()`), []);
      assert.deepEqual(await page.evaluate(`${checks} controlsWithoutName()`), []);
      await close();
    });
  }
}

test("a script that somebody managed to insert does not run", { skip }, async () => {
  const { page, problems } = await openPage(browser, live.url);
  const insert = `
    try {
      const script = document.createElement("script");
      script.textContent = "document.title = 'taken over'";
      document.head.append(script);
    } catch {}
    try {
      document.body.insertAdjacentHTML("beforeend", "<img src=x onerror=\\"document.title='taken over'\\">");
    } catch {}
    document.title`;
  const ran = await page.evaluate<string>(insert);
  assert.doesNotMatch(ran, /taken over/);
  assert.match(problems.join(), /Content Security Policy|TrustedScript|Trusted Type/i);
  await page.context().close();
});

test("a page whose switch ends says so, and begins anew with the next one", { skip }, async () => {
  const { page } = await openPage(browser, live.url);
  live.command.process.kill("SIGTERM");
  assert.equal((await live.command.result).status, 0);
  await page.getByText("no answer; trying again").waitFor();
  assert.match((await big(page, 0)) ?? "", /pps$/);
  live = await startLiveSwitch(folder, Number(new URL(live.url).port));
  await page.locator('#link[data-state="live"]').waitFor();
  await eventually("the new history is drawn", async () => {
    const points = await linePoints(page);
    return points > 2 && points <= (await api<History>("api/history")).samples.length;
  });
  await page.context().close();
});
