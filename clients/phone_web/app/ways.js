// The ways between screens.  The phone's own way back goes through them; no address says where.

/** Holds the screens that were gone through, and has the last one shown by `show`. */
export class Ways {
  #stack = [];
  #isTurning = false;
  #show;

  constructor(show) {
    this.#show = show;
    window.addEventListener("popstate", ({ state }) => this.#turnBack(state?.depth ?? 0));
  }

  /** Where one is: `{name, params}`. */
  get here() {
    return this.#stack.at(-1);
  }

  get name() {
    return this.here?.name;
  }

  /** How many screens lie behind this one. */
  get depth() {
    return Math.max(0, this.#stack.length - 1);
  }

  /** Whether the phone is on its way back: until it is there, nothing else is gone to. */
  get isTurning() {
    return this.#isTurning;
  }

  /** Show a screen from which the way back leads out. */
  async reset(name, params = {}) {
    const { depth } = this;
    this.#stack = [{ name, params }];
    if (depth > 0) await this.#rewind(depth);
    else history.replaceState({ depth: 0 }, "");
    this.#show();
  }

  async #rewind(depth) {
    this.#isTurning = true;
    const rewound = new Promise((done) => window.addEventListener("popstate", done, { once: true }));
    history.go(-depth);
    await rewound;
    this.#isTurning = false;
  }

  go(name, params = {}) {
    if (this.#isTurning) return;
    this.#stack.push({ name, params });
    history.pushState({ depth: this.depth }, "");
    this.#show();
  }

  /** Show a screen in the place of this one. */
  replace(name, params = {}) {
    this.#stack[this.depth] = { name, params };
    this.#show();
  }

  /** Go back to the screen of that name; returns whether there is one behind this. */
  backTo(name) {
    const steps = this.depth - this.#stack.findLastIndex((entry) => entry.name === name);
    if (steps > 0 && steps <= this.depth) history.go(-steps);
    return steps <= this.depth;
  }

  #turnBack(depth) {
    if (depth >= this.depth) return;
    this.#stack = this.#stack.slice(0, depth + 1);
    this.#show();
  }
}
