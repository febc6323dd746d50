// The app: what it begins with, what it is told, and which screen that leads to.

import { onLink, takenLink } from "./address.js";
import { serverClock } from "./clock.js";
import { explain } from "./explain.js";
import * as frame from "./frame.js";
import { Inbox } from "./inbox.js";
import { readLink } from "./link.js";
import { unseen } from "./notices.js";
import { canHoldKeys } from "./passkey.js";
import * as phone from "./phone.js";
import * as push from "./push.js";
import { screens } from "./screens/index.js";
import { keepShell } from "./shell.js";
import * as vault from "./vault.js";
import { buzz, say } from "./view.js";
import { Ways } from "./ways.js";
import { Away } from "./wire.js";
import { language, speak, t } from "./words.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** Screens above which a new request is told of: on the others it opens, or would be in the way. */
const BESIDE = new Set(["menu", "history", "events", "phones", "onePhone", "rename", "stopPhone", "notices", "notifications", "offers", "renew", "unbind", "install", "workstations"]);

/** Screens that what has become of this phone does not interrupt. */
const ALONE = new Set(["pairing", "newPhone", "unblock"]);

/** Screens that may be loaded anew while nobody looks: nothing is under way on them. */
const CALM = new Set(["home", "welcome", "unbound", "blocked", "expired"]);

/** Where an answer leads that says what has become of this phone, by its status or its code. */
const STANDINGS = { 401: "unbound", phone_blocked: "blocked", phone_expired: "expired" };

class App {
  requests = [];
  /** What its holder is told and has not dismissed. */
  notices = [];
  /** Organisations that ask them to work there. */
  offers = [];
  /** How pushes stand, once that is known. */
  pushes;
  /** Requests whose QR code this app has scanned itself: only those need no code. */
  scanned = new Set();
  /** Requests that were opened once: they do not open by themselves again. */
  #opened = new Set();
  #isLeaving = false;
  #keptUpAt = -Infinity;
  #shown;
  #ways = new Ways(() => this.#show());
  #inbox = new Inbox({
    onList: (requests) => this.#arrive(requests),
    onAway: (isAway) => frame.markAway(isAway),
    onRefused: (refusal) => this.handled(refusal),
  });

  async start() {
    speak((await vault.read("language")) ?? language());
    window.addEventListener("offline", () => frame.markAway(true));
    document.addEventListener("visibilitychange", () => this.#lookAgain());
    onLink((link) => this.begin(link));
    setInterval(() => this.#shown?.tick?.(), SECOND);
    keepShell(() => CALM.has(this.#ways.name));
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

  /** Do what a scanned or opened link says. */
  follow(read, via) {
    if (read.kind === "pairing") return this.begin(`${location.origin}/app/#p.${read.id}.${read.secret}`);
    const ways = {
      login: ["login", { payload: read.payload, via }],
      transfer: ["transfer", { link: read, via }],
    };
    const [name, params] = ways[read.kind] ?? ["refusedCode", { read }];
    // A scanner is not gone back to.
    return this.#ways.name === "scan" ? this.replace(name, params) : this.go(name, params);
  }

  home() {
    this.#inbox.open();
    return this.reset("home");
  }

  /** Show a screen from which no way leads back. */
  reset(name, params) {
    this.#isLeaving = false;
    if (!screens[name].isBound) this.#inbox.close();
    return this.#ways.reset(name, params);
  }

  go(name, params) {
    this.#ways.go(name, params);
  }

  replace(name, params) {
    this.#ways.replace(name, params);
  }

  back() {
    if (this.#ways.depth) history.back();
    else this.begin();
  }

  /** Go back to the screen of that name, or home. */
  backTo(name) {
    if (!this.#ways.backTo(name)) this.home();
  }

  #show() {
    const { name, params } = this.#ways.here;
    this.#shown?.leave?.();
    this.#shown = undefined;
    const shown = screens[name](this, params);
    this.#shown = shown;
    const { depth } = this.#ways;
    const hasSwitch = depth === 0 && !screens[name].isBound;
    frame.dressBar(depth ? () => this.back() : undefined, shown.aside ?? (hasSwitch ? frame.languageSwitch((other) => this.speakTo(other)) : ""));
    this.#showNews();
    frame.paint(name, shown);
    shown.begin?.();
    if (name === "home") this.#open();
  }

  async speakTo(name) {
    speak(name);
    await vault.write("language", name);
    frame.tellOfNew();
    frame.markAway(frame.isAwayMarked());
    this.#show();
    // What the server names is kept in the language of before.
    if (this.#inbox.opened) this.#keepUp();
  }

  #arrive(requests) {
    // Another tab's news, of a phone that this one is not any more.
    if (!this.#inbox.opened) return;
    const known = new Set(this.requests.map(({ id }) => id));
    const isNew = requests.some(({ id }) => !known.has(id));
    this.requests = requests;
    frame.markAway(false);
    this.#shown?.arrive?.(requests);
    if (isNew && document.visibilityState === "visible") buzz(80);
    if (isNew && this.#ways.name !== "home") say(t("new_request"));
    this.#showNews();
    if (this.#ways.name === "home") this.#open();
  }

  #fresh() {
    return this.requests.filter(({ id }) => !this.#opened.has(id));
  }

  #showNews() {
    const isBeside = BESIDE.has(this.#ways.name) && this.#fresh().length > 0;
    frame.tellOfNew(isBeside ? () => this.home() : undefined);
  }

  /** What is asked opens by itself, where nothing else is going on. */
  #open() {
    const fresh = this.#fresh();
    if (this.#ways.isTurning || this.requests.length !== 1 || fresh.length !== 1) return;
    frame.settle();
    this.openRequest(fresh[0]);
  }

  openRequest(request) {
    this.#opened.add(request.id);
    this.go("request", { request });
  }

  /** Go on with a request that a login QR code stood for. */
  showRequest(request) {
    this.#opened.add(request.id);
    if (request.status === "pending") this.replace("request", { request });
    else this.replace("ended", { how: request.status, request });
  }

  /** Learn what has changed; nothing waits for it. */
  async #keepUp() {
    this.#keptUpAt = performance.now();
    try {
      const standing = await phone.refresh();
      this.#shown?.learn?.();
      await phone.rotate();
      await push.keepUp(standing);
      this.pushes = await push.state(standing);
      this.notices = await unseen();
      this.offers = (await phone.asPhone("GET", "/phone/membership-offers")).body.offers;
      this.#shown?.learn?.();
    } catch (error) {
      if (!this.handled(error) && !(error instanceof Away)) reportError(error);
    }
  }

  #lookAgain() {
    const isOld = performance.now() - this.#keptUpAt > MINUTE;
    if (document.visibilityState === "visible" && this.#inbox.opened && isOld) this.#keepUp();
  }

  /** Take it up if an error says what has become of this phone. */
  handled(error) {
    const screen = STANDINGS[error.status] ?? STANDINGS[error.code];
    if (!screen) return false;
    const { name } = this.#ways;
    if (name !== screen && !ALONE.has(name) && !this.#isLeaving) phone.kept().then((known) => this.reset(screen, { known }));
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
