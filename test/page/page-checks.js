// Runs in the browser: finds texts that are hard to read, and controls that nobody can name.

/**
 * Texts whose contrast with what lies behind is under what WCAG 2 AA asks for; disabled controls are left out.
 * @returns {string[]}
 */
function lowContrasts() {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  if (canvas === null) return ["no canvas"];
  const rgb = (/** @type {string} */ color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const behind = (/** @type {Element} */ element) => {
    for (let at = /** @type {Element | null} */ (element); at !== null; at = at.parentElement) {
      const { backgroundColor } = getComputedStyle(at);
      if ((rgb(backgroundColor)[3] ?? 0) > 200) return backgroundColor;
    }
    return "white";
  };
  const luminance = (/** @type {string} */ color) => {
    const [r = 0, g = 0, b = 0] = rgb(color).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const low = [];
  for (const element of visible("body *")) {
    const own = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
    const text = own
      .map((node) => node.textContent)
      .join("")
      .trim();
    if (text === "" || element.closest(":disabled, option, dialog:not([open]), noscript") !== null) continue;
    const style = getComputedStyle(element);
    const ink = luminance(element instanceof SVGElement ? style.fill : style.color);
    const ground = luminance(behind(element));
    const contrast = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
    if (contrast < 4.5) low.push(`${text}: ${contrast.toFixed(2)}`);
  }
  return low;
}

/**
 * Controls without a name to read aloud.
 * @returns {string[]}
 */
function controlsWithoutName() {
  return visible("button, input, select, meter, [role=slider], [role=img], a")
    .filter((control) => {
      const labels = /** @type {HTMLInputElement} */ (control).labels ?? [];
      const label = [...labels].map((one) => one.textContent).join("");
      const shown = control.tagName === "SELECT" ? "" : control.textContent;
      return [control.getAttribute("aria-label"), label, shown].every((name) => (name ?? "").trim() === "");
    })
    .map((control) => control.outerHTML.slice(0, 120));
}

/** @param {string} selector */
function visible(selector) {
  return [...document.querySelectorAll(selector)].filter((element) => element.getClientRects().length > 0);
}

Object.assign(globalThis, { lowContrasts, controlsWithoutName });
