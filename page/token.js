// The dialog that asks for the token, and who is told when changes become possible or impossible.

import { ApiError, forgetToken, offerToken, token } from "./api.js";
import { byId, setText } from "./dom.js";

export class Lock extends EventTarget {
  #dialog = byId("token-dialog", HTMLDialogElement);
  #input = byId("token-input", HTMLInputElement);
  #error = byId("token-error", HTMLElement);
  #button = byId("unlock", HTMLButtonElement);

  constructor() {
    super();
    this.#button.addEventListener("click", () => (this.open ? this.close() : this.ask()));
    byId("token-cancel", HTMLButtonElement).addEventListener("click", () => this.#dialog.close());
    byId("token-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#try();
    });
    this.#show();
  }

  /** Whether changes are possible. */
  get open() {
    return token() !== null;
  }

  /** Asks for the token. */
  ask() {
    this.#input.value = "";
    setText(this.#error, "");
    this.#dialog.showModal();
    this.#input.focus();
  }

  /** Forgets the token: it was wrong, or whoever sits there is done. */
  close() {
    forgetToken();
    this.#show();
  }

  async #try() {
    try {
      await offerToken(this.#input.value.trim());
      this.#dialog.close();
      this.#show();
    } catch (error) {
      const wrong = error instanceof ApiError && error.status === 401;
      setText(
        this.#error,
        wrong
          ? "That is not the token of this switch."
          : `Not unlocked: ${error instanceof Error ? error.message : error}.`,
      );
      this.#input.select();
    }
  }

  #show() {
    setText(this.#button, this.open ? "Lock changes" : "Unlock changes");
    this.#button.classList.toggle("primary", !this.open);
    this.dispatchEvent(new Event("change"));
  }
}
