// The open requests, live.  One visible tab asks, by calls that the server holds; where those do
// not come through it asks again and again.  The others are told.

import { asPhone } from "./phone.js";
import { alone, listen, tell } from "./tabs.js";
import { Away, HELD, Refused } from "./wire.js";

const PATH = "/phone/auth-requests";
const PAUSE = 3_000;
const LONGEST_PAUSE = 20_000;
/** An answer to a held call that comes sooner than this, and says nothing, was not held. */
const TOO_SOON = 1_500;
/** How long calls are not held any more once some did not come through. */
const PLAINLY = 120_000;

const sleep = (ms, signal) => new Promise((wake) => {
  const timer = setTimeout(wake, ms);
  signal.addEventListener("abort", () => { clearTimeout(timer); wake(); }, { once: true });
});

/**
 * Follows the list while this tab is seen.
 *
 * `onList(requests)` hears each list, `onAway(isAway)` whether the server answers, and
 * `onRefused(refusal)` that this phone is let in no more.
 */
export class Inbox {
  #hears;
  #running;
  #etag;
  #lost = 0;
  #plainUntil = 0;

  constructor(hears) {
    this.#hears = hears;
    listen((message) => {
      if (message.list) this.#hears.onList(message.list);
      if ("away" in message) this.#hears.onAway(message.away);
    });
    document.addEventListener("visibilitychange", () => this.#turn());
    window.addEventListener("online", () => this.again());
    window.addEventListener("pageshow", () => this.#turn());
    window.addEventListener("pagehide", () => this.#stop());
  }

  /** Begin to follow; again after `close`. */
  open() {
    this.opened = true;
    this.#turn();
  }

  close() {
    this.opened = false;
    this.#stop();
  }

  /** Ask at once, whatever is being waited for. */
  again() {
    this.#stop();
    this.#turn();
  }

  #stop() {
    this.#running?.abort();
    this.#running = undefined;
  }

  #turn() {
    const isSeen = this.opened && document.visibilityState === "visible";
    if (!isSeen) this.#stop();
    else if (!this.#running) this.#follow();
  }

  async #follow() {
    const running = new AbortController();
    this.#running = running;
    this.#etag = undefined;
    try {
      // The tab that was looked at last takes over; the one before it stands in line.
      await alone("inbox", () => this.#ask(running.signal), { steal: true });
    } catch (error) {
      if (error.name !== "AbortError") throw error;
      running.abort();
      if (this.#running === running) this.#queue();
    }
  }

  async #queue() {
    const waiting = new AbortController();
    this.#running = waiting;
    try {
      await alone("inbox", () => this.#ask(waiting.signal), { signal: waiting.signal });
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  }

  async #ask(signal) {
    for (let pause = 0; !signal.aborted; await sleep(pause, signal)) {
      pause = await this.#askOnce(signal, pause);
    }
  }

  async #askOnce(signal, pause) {
    const started = performance.now();
    const isHeld = this.#etag !== undefined && started > this.#plainUntil;
    try {
      const answer = await asPhone("GET", PATH, { wait: isHeld ? HELD : 0, etag: this.#etag, signal });
      if (signal.aborted) return 0;
      this.#say({ away: false });
      if (isHeld) this.#lost = 0;
      if (answer.status === 200) {
        this.#etag = answer.etag ?? undefined;
        this.#say({ list: answer.body.auth_requests });
        return 0;
      }
      const wasHeld = isHeld && performance.now() - started > TOO_SOON;
      return wasHeld ? 0 : PAUSE;
    } catch (error) {
      if (signal.aborted) return 0;
      if (error instanceof Refused) {
        this.#hears.onRefused(error);
        return PAUSE;
      }
      if (!(error instanceof Away)) throw error;
      return this.#miss(isHeld, pause);
    }
  }

  /** A held call that a proxy cuts off says nothing of the server: ask plainly, and see. */
  #miss(isHeld, pause) {
    if (isHeld) {
      this.#lost += 1;
      if (this.#lost > 1) this.#plainUntil = performance.now() + PLAINLY;
      this.#etag = undefined;
      return 200;
    }
    this.#say({ away: true });
    return Math.min(Math.max(pause * 2, PAUSE), LONGEST_PAUSE);
  }

  #say(message) {
    tell(message);
    if (message.list) this.#hears.onList(message.list);
    else this.#hears.onAway(message.away);
  }
}
