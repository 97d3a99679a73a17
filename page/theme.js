// Light, dark, or as the system has it.

import { byId, setText } from "./dom.js";

const KEY = "megaflow-theme";
const themes = ["auto", "light", "dark"];

/** Shows the theme chosen last, and lets the button choose the next one. */
export function startTheme() {
  const button = byId("theme", HTMLButtonElement);
  let theme = localStorage.getItem(KEY) ?? "auto";
  if (!themes.includes(theme)) theme = "auto";
  const show = () => {
    if (theme === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    setText(button, `Theme: ${theme}`);
  };
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length] ?? "auto";
    localStorage.setItem(KEY, theme);
    show();
  });
  show();
}
