// Sliders and choices for the caches of the running switch. What is chosen is applied when the slider comes to rest.

import { ApiError, change } from "./api.js";
import { byId, element, setText } from "./dom.js";
import { bytes, entries } from "./format.js";

/** @typedef {import("./store.js").Description} Description */
/** @typedef {import("../src/page/shapes.ts").LiveSetting} LiveSetting */
/** @typedef {import("../src/page/shapes.ts").CpuCache} CpuCache */
/** @typedef {import("./token.js").Lock} Lock */

/** A slider moved by keys comes to rest after this. */
const REST_MS = 350;

/** Short names; what the setting means stands in its title. */
const names = /** @type {Record<string, string>} */ ({
  "microflow.entries": "Microflow cache",
  "microflow.insertInverse": "Insert one in",
  "microflow.mode": "Microflow entries hold",
  "microflow.bypass": "Bypass when useless",
  "maskCache.entries": "Mask cache",
  "maskCache.victim": "Mask cache replaces",
  pruning: "Pruned lookup",
  "rank.intervalMs": "Sort masks every",
});

export class Sizes {
  #fieldset = byId("sizes", HTMLFieldSetElement);
  #note = byId("sizes-note", HTMLElement);
  #status = byId("sizes-status", HTMLElement);
  #lock;
  /** @type {Map<string, Control>} */
  #controls = new Map();
  /** @type {Record<string, number | string>} */
  #wanted = {};
  #timer = 0;
  /** @type {readonly CpuCache[]} */
  #cpuCaches = [];

  /** @param {Lock} lock */
  constructor(lock) {
    this.#lock = lock;
    lock.addEventListener("change", () => this.#showLock());
    this.#showLock();
  }

  /**
   * Shows the settings as they are, unless a change is on its way.
   * @param {readonly LiveSetting[]} settings
   * @param {readonly CpuCache[]} cpuCaches
   */
  show(settings, cpuCaches) {
    this.#cpuCaches = cpuCaches;
    for (const setting of settings) {
      let control = this.#controls.get(setting.key);
      if (control === undefined) {
        control = setting.values.every((value) => typeof value === "number")
          ? this.#slider(setting)
          : this.#choice(setting);
        this.#controls.set(setting.key, control);
        this.#fieldset.append(control.row);
      }
      if (!(setting.key in this.#wanted)) control.show(setting);
    }
  }

  #showLock() {
    this.#fieldset.disabled = !this.#lock.open;
    setText(
      this.#note,
      this.#lock.open
        ? "What you choose applies to every core at once, while packets flow."
        : "Read-only: unlock changes to move these.",
    );
  }

  /**
   * @param {LiveSetting} setting
   * @returns {Control}
   */
  #slider(setting) {
    const id = `set-${setting.key}`;
    const input = element("input", {
      type: "range",
      id,
      min: 0,
      max: setting.values.length - 1,
      step: 1,
      "aria-describedby": `${id}-note`,
    });
    const value = element("output", { for: id });
    const note = element("span", { class: "quiet note", id: `${id}-note` });
    const row = element(
      "div",
      { class: "setting", title: setting.meaning },
      element("label", { for: id }, names[setting.key] ?? setting.key),
      value,
      input,
      note,
    );
    let known = setting;
    const tell = () => {
      const at = Number(input.value);
      const chosen = known.values[at] ?? 0;
      setText(value, valueText(known.key, Number(chosen)));
      setText(note, this.#noteOf(known, at));
      input.setAttribute("aria-valuetext", value.textContent ?? "");
      return chosen;
    };
    input.addEventListener("input", () => this.#want(setting.key, tell()));
    input.addEventListener("change", () => this.#want(setting.key, tell()));
    return {
      row,
      show: (now) => {
        known = now;
        input.max = String(now.values.length - 1);
        input.value = String(now.values.indexOf(now.value));
        tell();
      },
    };
  }

  /**
   * @param {LiveSetting} setting
   * @returns {Control}
   */
  #choice(setting) {
    const id = `set-${setting.key}`;
    const select = element(
      "select",
      { id },
      ...setting.values.map((word) => element("option", {}, String(word))),
    );
    const row = element(
      "div",
      { class: "setting choice", title: setting.meaning },
      element("label", { for: id }, names[setting.key] ?? setting.key),
      select,
    );
    select.addEventListener("change", () => this.#want(setting.key, select.value));
    return { row, show: (now) => (select.value = String(now.value)) };
  }

  /**
   * What a size costs, and which cache of the CPU it fits in.
   * @param {LiveSetting} setting
   * @param {number} at
   */
  #noteOf(setting, at) {
    const size = setting.bytes?.[at];
    if (size === undefined) return "";
    if (size === 0) return "no memory";
    const fits = this.#cpuCaches.find((cache) => size <= cache.bytes);
    const where =
      fits === undefined
        ? this.#cpuCaches.length > 0
          ? ", larger than every cache of the CPU"
          : ""
        : `, fits in ${fits.name} (${bytes(fits.bytes)})`;
    return `${bytes(size)} a core${where}`;
  }

  /**
   * @param {string} key
   * @param {number | string} value
   */
  #want(key, value) {
    this.#wanted = { ...this.#wanted, [key]: value };
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#apply(), REST_MS);
    setText(this.#status, "");
  }

  async #apply() {
    const changes = this.#wanted;
    try {
      /** @type {{ settings: LiveSetting[] }} */
      const { settings } = await change("/api/settings", changes);
      this.#forget(changes);
      this.show(settings, this.#cpuCaches);
      const done = settings
        .filter(({ key }) => key in changes)
        .map(
          ({ key, value }) =>
            `${names[key] ?? key}: ${typeof value === "number" ? valueText(key, value) : value}`,
        );
      this.#tell(`Applied. ${done.join(", ")}.`, false);
    } catch (error) {
      this.#forget(changes);
      if (error instanceof ApiError && error.status === 401) {
        this.#lock.close();
        this.#lock.ask();
      }
      this.#tell(`Not applied: ${error instanceof Error ? error.message : error}.`, true);
      this.dispatchReset();
    }
  }

  /** Set by the page: shows again what the switch has. */
  dispatchReset = () => {};

  /** @param {Record<string, number | string>} applied what is wanted still, and not meanwhile something else */
  #forget(applied) {
    this.#wanted = Object.fromEntries(
      Object.entries(this.#wanted).filter(([key, value]) => applied[key] !== value),
    );
  }

  /**
   * @param {string} text
   * @param {boolean} isError
   */
  #tell(text, isError) {
    setText(this.#status, text);
    this.#status.classList.toggle("error", isError);
  }
}

/**
 * @typedef {object} Control
 * @property {HTMLElement} row
 * @property {(setting: LiveSetting) => void} show
 */

/**
 * @param {string} key
 * @param {number} value
 */
function valueText(key, value) {
  if (key === "microflow.insertInverse") return value === 1 ? "every packet" : `${value} packets`;
  if (key === "rank.intervalMs")
    return value === 0 ? "never" : value < 1000 ? `${value}\u00a0ms` : `${value / 1000}\u00a0s`;
  return value === 0 ? "off" : `${entries(value)} entries`;
}
