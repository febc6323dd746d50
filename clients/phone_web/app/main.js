// The app: which screen is shown, what the phone is told meanwhile, and where each way leads.

import { onLink, takenLink } from "./address.js";
import { serverClock } from "./clock.js";
import { explain } from "./explain.js";
import { Inbox } from "./inbox.js";
import { readLink } from "./link.js";
import { unseen } from "./notices.js";
import { canHoldKeys } from "./passkey.js";
import * as phone from "./phone.js";
import * as push from "./push.js";
import { screens } from "./screens/index.js";
import { keepShell } from "./shell.js";
import * as vault from "./vault.js";
import { button, buzz, el, icon, say } from "./view.js";
import { Away } from "./wire.js";
import { language, speak, t } from "./words.js";

const main = document.getElementById("main");
const bar = document.getElementById("bar");
const strip = document.getElementById("away");
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const ICON = new URL("../icons/icon.svg", import.meta.url).href;

/** Screens that what has become of this phone does not interrupt. */
const ALONE = new Set(["pairing", "newPhone", "unblock"]);

class App {
  requests = [];
  /** What its holder is told and has not dismissed. */
  notices = [];
  /** Requests whose QR code this app has scanned itself: only those need no code. */
  scanned = new Set();
  /** Requests that were opened once: they do not open by themselves again. */
  #opened = new Set();
  #stack = [];
  #isRewinding = false;
  #isLeaving = false;
  #keptUpAt = -Infinity;
  #shown;
  #inbox = new Inbox({
    onList: (requests) => this.#arrive(requests),
    onAway: (isAway) => this.#mark(isAway),
    onRefused: (refusal) => this.handled(refusal),
  });

  async start() {
    speak((await vault.read("language")) ?? language());
    window.addEventListener("popstate", ({ state }) => this.#turnBack(state?.depth ?? 0));
    window.addEventListener("offline", () => this.#mark(true));
    document.addEventListener("visibilitychange", () => this.#lookAgain());
    onLink((link) => this.begin(link));
    setInterval(() => this.#shown?.tick?.(), SECOND);
    keepShell(() => this.#stack.length < 2);
    await this.begin(takenLink());
  }

  /** Begin with a link, or with what this phone is. */
  async begin(link = "") {
    if (!canHoldKeys()) return this.reset("unsupported");
    const read = link ? readLink(link, location.origin) : undefined;
    const known = await phone.kept();
    if (read?.kind === "pairing") return this.reset("pairing", { link: read, known });
    const offer = await vault.read("offer");
    if (offer && !read) return this.reset(offer.kind, { offer });
    if (!known?.token) return this.reset(known?.isOver ? "unbound" : "welcome", { known, read });
    await this.home();
    if (read) this.follow(read, "link");
    this.#keepUp();
    return undefined;
  }

  /** Go on with a request that a login QR code stood for. */
  showRequest(request) {
    this.#opened.add(request.id);
    if (request.status === "pending") this.replace("request", { request });
    else this.replace("ended", { how: request.status, request });
  }

  /** Do what a scanned or opened link says. */
  follow(read, via) {
    if (read.kind === "pairing") this.begin(`${location.origin}/app/#p.${read.id}.${read.secret}`);
    else this.#onward(read.kind, read, via);
  }

  #onward(kind, read, via) {
    const [name, params] = {
      login: ["login", { payload: read.payload, via }],
      transfer: ["transfer", { link: read, via }],
    }[kind] ?? ["refusedCode", { read }];
    // A scanner is not gone back to.
    if (this.#stack.at(-1).name === "scan") this.replace(name, params);
    else this.go(name, params);
  }

  /** Learn what has changed; nothing waits for it. */
  async #keepUp() {
    this.#keptUpAt = performance.now();
    try {
      const standing = await phone.refresh();
      this.#shown?.learn?.();
      await phone.rotate();
      await push.keepUp(standing);
      this.notices = await unseen();
      this.#shown?.learn?.();
    } catch (error) {
      if (!this.handled(error) && !(error instanceof Away)) reportError(error);
    }
  }

  #lookAgain() {
    const isBound = screens[this.#stack.at(-1)?.name]?.isBound;
    const isOld = performance.now() - this.#keptUpAt > MINUTE;
    if (document.visibilityState === "visible" && isBound && isOld) this.#keepUp();
  }

  home() {
    this.#inbox.open();
    return this.reset("home");
  }

  /** Show a screen from which no way leads back: the phone's own way back leads out. */
  async reset(name, params = {}) {
    const depth = this.#stack.length - 1;
    this.#isLeaving = false;
    this.#stack = [{ name, params }];
    if (!screens[name].isBound) this.#inbox.close();
    if (depth > 0) await this.#rewind(depth);
    else history.replaceState({ depth: 0 }, "");
    this.#show();
  }

  async #rewind(depth) {
    this.#isRewinding = true;
    const rewound = new Promise((done) => window.addEventListener("popstate", done, { once: true }));
    history.go(-depth);
    await rewound;
    this.#isRewinding = false;
  }

  go(name, params = {}) {
    if (this.#isRewinding) return;
    this.#stack.push({ name, params });
    history.pushState({ depth: this.#stack.length - 1 }, "");
    this.#show();
  }

  /** Show a screen in the place of this one. */
  replace(name, params = {}) {
    this.#stack[this.#stack.length - 1] = { name, params };
    this.#show();
  }

  back() {
    if (this.#stack.length > 1) history.back();
    else this.begin();
  }

  /** Go back to where the way began from the screen of that name. */
  backTo(name) {
    const at = this.#stack.findLastIndex((entry) => entry.name === name);
    const depth = this.#stack.length - 1 - at;
    if (at < 0) this.home();
    else if (depth > 0) history.go(-depth);
  }

  /** Show this screen anew: in another language, or with what it has learned. */
  again() {
    this.#show();
  }

  #turnBack(depth) {
    if (depth >= this.#stack.length - 1) return;
    this.#stack = this.#stack.slice(0, depth + 1);
    this.#show();
  }

  #show() {
    const { name, params } = this.#stack.at(-1);
    this.#shown?.leave?.();
    this.#shown = undefined;
    const shown = screens[name](this, params);
    this.#shown = shown;
    document.title = `${shown.title} · ${t("app")}`;
    main.className = name;
    main.replaceChildren(...shown.content.filter(Boolean));
    this.#dressBar(name);
    window.scrollTo(0, 0);
    (shown.focus ?? main.querySelector("h1"))?.focus({ preventScroll: true });
    shown.begin?.();
    if (name === "home") this.#open();
  }

  #dressBar(name) {
    const isBack = this.#stack.length > 1;
    bar.replaceChildren(
      isBack ? button(t("back"), () => this.back(), { kind: "quiet", picture: "back" })
        : el("p", { class: "brand" }, el("img", { src: ICON, alt: "", width: "28", height: "28" }), t("app")),
      this.#shown.aside ?? this.#switch(name),
    );
  }

  #switch(name) {
    if (screens[name].isBound || this.#stack.length > 1) return "";
    const other = language() === "nl" ? "en" : "nl";
    return button(t("other_language"), () => this.speakTo(other), { kind: "quiet", lang: other });
  }

  async speakTo(name) {
    speak(name);
    await vault.write("language", name);
    this.#mark(!strip.hidden);
    this.again();
  }

  #arrive(requests) {
    const known = new Set(this.requests.map(({ id }) => id));
    this.requests = requests;
    this.#mark(false);
    this.#shown?.arrive?.(requests);
    if (requests.some(({ id }) => !known.has(id))) this.#tellOfNew();
    if (this.#stack.at(-1)?.name === "home") this.#open();
  }

  #tellOfNew() {
    if (document.visibilityState === "visible") buzz(80);
    if (this.#stack.at(-1)?.name !== "home") say(t("new_request"));
  }

  /** What is asked opens by itself, where nothing else is going on. */
  #open() {
    const fresh = this.requests.filter(({ id }) => !this.#opened.has(id));
    if (!this.#isRewinding && this.requests.length === 1 && fresh.length === 1) this.openRequest(fresh[0]);
  }

  openRequest(request) {
    this.#opened.add(request.id);
    this.go("request", { request });
  }

  /** Ask for the list at once. */
  look() {
    this.#inbox.again();
  }

  #mark(isAway) {
    strip.hidden = !isAway;
    const text = isAway ? t(navigator.onLine ? "away" : "offline") : "";
    if (strip.textContent !== text) strip.replaceChildren(...(isAway ? [icon("away"), text] : []));
  }

  /** Take it up if an error says what has become of this phone. */
  handled(error) {
    const name = { 401: "unbound", phone_blocked: "blocked", phone_expired: "expired" };
    const screen = name[error.status] ?? name[error.code];
    if (!screen) return false;
    const at = this.#stack.at(-1)?.name;
    if (at !== screen && !ALONE.has(at) && !this.#isLeaving) phone.kept().then((known) => this.reset(screen, { known }));
    return true;
  }

  /** Let go of the key by what `work` does: that the server then knows this phone no more is no news. */
  async letGo(work) {
    this.#isLeaving = true;
    try {
      await work();
    } catch (error) {
      this.#isLeaving = false;
      throw error;
    }
    this.#inbox.close();
    await phone.letGo();
  }

  /** Say what went wrong on a line of a screen, unless it is for another screen. */
  fault(line) {
    return (error) => { if (!this.handled(error)) line.show(explain(error)); };
  }

  secondsUntil(time) {
    return serverClock.secondsUntil(time);
  }
}

new App().start();
