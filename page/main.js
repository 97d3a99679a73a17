// Starts the page: reads what the switch is and its history, then draws every sample as it comes.

import { listen, read } from "./api.js";
import { Charts, pmdName } from "./charts.js";
import { CurvesPanel } from "./curves.js";
import { byId, element, setText } from "./dom.js";
import { FlowTable } from "./flows.js";
import { duration } from "./format.js";
import { Sizes } from "./sizes.js";
import { Store } from "./store.js";
import { drawCores, drawDrops, drawPorts, drawTiles } from "./tables.js";
import { startTheme } from "./theme.js";
import { Lock } from "./token.js";

/** @typedef {import("../src/page/shapes.ts").Latest} Latest */
/** @typedef {import("../src/page/shapes.ts").SampleEvent} SampleEvent */

const RETRY_MS = 2000;

class Page {
  #store;
  #lock = new Lock();
  #charts = new Charts();
  #flows = new FlowTable();
  #sizes = new Sizes(this.#lock);
  #curves;
  #link = byId("link", HTMLElement);
  #scope = byId("scope", HTMLSelectElement);
  #window = byId("window", HTMLSelectElement);
  #pause = byId("pause", HTMLButtonElement);
  #paused = false;
  #settingsVersion = -1;
  #reading = false;
  /** @type {Latest | undefined} */
  #latest;

  /** @param {Store} store */
  constructor(store) {
    this.#store = store;
    this.#curves = new CurvesPanel(this.#lock, store.description.profiler);
    this.#sizes.dispatchReset = () => void this.#describe();
    this.#scope.addEventListener("change", () => {
      const { value } = this.#scope;
      this.#curves.setScope(value === "all" ? null : (store.description.pmds[Number(value)]?.index ?? null));
      this.#draw();
    });
    this.#window.addEventListener("change", () => this.#draw());
    this.#pause.addEventListener("click", () => this.#setPaused(!this.#paused));
    document.addEventListener("visibilitychange", () => this.#draw());
    this.#showDescription();
  }

  /** Reads the history, then listens. */
  async start() {
    await this.#readHistory();
    this.#draw();
    listen(
      (event) => this.#take(event),
      (state) => this.#tell(state),
    );
  }

  /** @param {SampleEvent} event */
  #take({ sample, latest }) {
    this.#latest = latest;
    const last = this.#store.samples.at(-1);
    if (last !== undefined && sample.seq < last.seq) {
      // The switch was started anew: nothing of what the page knows is about it.
      location.reload();
      return;
    }
    if (!this.#store.add(sample)) void this.#readHistory();
    if (latest.settingsVersion !== this.#settingsVersion) void this.#describe();
    this.#tell("live");
    this.#draw();
  }

  async #readHistory() {
    const { samples } = await read("/api/history");
    this.#store.replace(samples);
  }

  async #describe() {
    if (this.#reading) return;
    this.#reading = true;
    try {
      this.#store.description = await read("/api/switch");
      this.#showDescription();
    } finally {
      this.#reading = false;
    }
  }

  #showDescription() {
    const { description } = this.#store;
    this.#settingsVersion = description.settingsVersion;
    setText(byId("bridge", HTMLElement), description.bridge);
    document.title = `${description.bridge} · Megaflow`;
    if (this.#scope.options.length !== description.pmds.length + 1) {
      const options = description.pmds.map((pmd, at) => element("option", { value: at }, pmdName(pmd)));
      this.#scope.replaceChildren(element("option", { value: "all" }, "all"), ...options);
    }
    this.#sizes.show(description.settings, description.cpuCaches);
    this.#curves.setSettings(description.settings);
  }

  /** @param {boolean} paused */
  #setPaused(paused) {
    this.#paused = paused;
    this.#pause.setAttribute("aria-pressed", String(paused));
    setText(this.#pause, paused ? "Resume" : "Pause");
    this.#flows.pause(paused);
    if (!paused) this.#draw();
  }

  /** @param {"live" | "lost"} state */
  #tell(state) {
    this.#link.dataset["state"] = state;
    setText(this.#link, state === "live" ? "live" : "no answer; trying again");
  }

  #draw() {
    if (this.#paused || document.hidden) return;
    const { samples, description } = this.#store;
    const all = description.pmds.map((_, at) => at);
    const pmds = this.#scope.value === "all" ? all : [Number(this.#scope.value)];
    this.#charts.draw(this.#store, pmds, Number(this.#window.value) * 1000);
    const sample = samples.at(-1);
    if (sample === undefined || this.#latest === undefined) return;
    drawTiles(this.#store, sample, this.#latest, pmds);
    drawCores(this.#store, sample, this.#latest);
    drawPorts(this.#latest);
    drawDrops(this.#latest);
    const age = duration((sample.time - description.started) / 1000);
    setText(byId("about", HTMLElement), `Megaflow ${description.version}, running for ${age}.`);
  }
}

/** Waits for the switch, however long it takes. */
async function open() {
  for (;;) {
    try {
      return new Page(new Store(await read("/api/switch")));
    } catch (error) {
      setText(byId("link", HTMLElement), error instanceof Error ? error.message : String(error));
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

startTheme();
await (await open()).start();
