// The server's time.  The phone's own clock may be wrong, and is never asked.

/**
 * Learns from each answer's `Date`, which is cut off to the second: the server's time at an answer
 * lies between that second and the end of it, and the answers together narrow it down.
 */
export class ServerClock {
  #ticks;
  #low = -Infinity;
  #high = Infinity;

  constructor(ticks = () => performance.now()) {
    this.#ticks = ticks;
  }

  ticks() {
    return this.#ticks();
  }

  /** Take the `Date` of a call that was sent at `sent` of these ticks and has just been answered. */
  hear(date, sent) {
    const second = Date.parse(date ?? "");
    if (Number.isNaN(second)) return;
    const low = second - this.#ticks();
    const high = second + 1000 - sent;
    // Ticks stand still while some phones sleep: then the newest answer alone counts.
    const fits = low <= this.#high && high >= this.#low;
    this.#low = fits ? Math.max(low, this.#low) : low;
    this.#high = fits ? Math.min(high, this.#high) : high;
  }

  /** Milliseconds since 1970, or `null` before the first answer. */
  now() {
    return this.#low === -Infinity ? null : this.#ticks() + (this.#low + this.#high) / 2;
  }

  /** Whole seconds until a time in RFC 3339, not below 0; `null` before the first answer. */
  secondsUntil(time) {
    const now = this.now();
    return now === null ? null : Math.max(0, Math.ceil((Date.parse(time) - now) / 1000));
  }
}

export const serverClock = new ServerClock();
