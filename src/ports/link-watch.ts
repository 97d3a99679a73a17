// News of the interfaces in the namespaces where a switch has ports.

import type { NativeAddon } from "../native.ts";

/** Time between two looks: what a user who pulls a cable does not notice. */
const LOOK_MS = 100;

/** See the head of the file. */
export class LinkWatch {
  readonly #native: NativeAddon;
  readonly #news: (netns: string | undefined, name: string | undefined) => void;
  readonly #monitors = new Map<string | undefined, number>();
  #timer: NodeJS.Timeout | undefined;

  /** `news` hears of every change; without a name, of anything in the namespace. */
  constructor(native: NativeAddon, news: (netns: string | undefined, name: string | undefined) => void) {
    this.#native = native;
    this.#news = news;
  }

  /** Watches a namespace, too. */
  add(netns: string | undefined): void {
    if (!this.#monitors.has(netns)) this.#monitors.set(netns, this.#native.openLinkMonitor({ netns }));
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
    for (const fd of this.#monitors.values()) this.#native.closeFd(fd);
    this.#monitors.clear();
  }

  #look(): void {
    for (const [netns, fd] of this.#monitors) {
      const names = new Set(this.#native.readLinkEvents(fd).map((event) => event?.name));
      for (const name of names) this.#news(netns, name);
    }
  }
}
