// This is the new phone: it shows a code, and the old one vouches for it.

import { drawSecret } from "../bytes.js";
import { device } from "../device.js";
import { explain } from "../explain.js";
import { makeKey } from "../passkey.js";
import { bind } from "../phone.js";
import * as vault from "../vault.js";
import { actions, busily, button, digitByDigit, el, faultLine, heading, say, sign } from "../view.js";
import { Away, HELD, Refused, call } from "../wire.js";
import { t } from "../words.js";
import { countdown, identityFacts, secondsOn, whose } from "./parts.js";

const PAUSE = 3_000;
const ENDS = { refused: "transfer_refused", expired: "transfer_expired" };

/** Follow a transfer to this phone; `offer` goes on with the one that is kept. */
export function newPhone(app, { offer }) {
  const panel = el("div", { class: "panel" });
  const leaving = new AbortController();
  const steps = new NewPhone(app, panel, leaving.signal);
  return {
    title: t("new_phone"),
    content: [panel],
    tick: () => steps.countdown?.tick(),
    begin: () => (offer ? steps.follow(offer) : steps.start()),
    leave() { leaving.abort(); steps.clear(); },
  };
}

class NewPhone {
  #app;
  #panel;
  #signal;
  #shown = "";
  #picture;
  #made;

  constructor(app, panel, signal) {
    this.#app = app;
    this.#panel = panel;
    this.#signal = signal;
  }

  clear() {
    if (this.#picture) URL.revokeObjectURL(this.#picture);
  }

  #show(name, ...content) {
    this.#shown = name;
    this.#panel.replaceChildren(...content.filter(Boolean));
    this.#panel.querySelector("h1").focus({ preventScroll: true });
  }

  async start() {
    this.#show("", sign("phone", "wait"), heading(t("claiming")));
    const token = drawSecret();
    try {
      const { body } = await call("POST", "/phone/transfers", { token, body: { device: await device() } });
      const offer = { kind: "newPhone", token, id: body.id, picture: body.qr_svg, code: body.code, until: secondsOn(body.expires_in) };
      await vault.write("offer", offer);
      this.follow(offer);
    } catch (error) {
      this.#show("",
        sign("away", "wait"),
        heading(t("not_yet")),
        el("p", { class: "lead" }, explain(error)),
        actions(button(t("try_again"), () => this.start(), { kind: "primary" }), button(t("cancel"), () => this.#app.begin())));
    }
  }

  async follow(offer) {
    let etag;
    while (!this.#signal.aborted) {
      const started = performance.now();
      try {
        const answer = await call("GET", `/phone/transfers/${offer.id}`, { token: offer.token, wait: HELD, etag, signal: this.#signal });
        etag = answer.etag ?? undefined;
        if (answer.status === 200 && (await this.#take(offer, answer.body))) return;
      } catch (error) {
        if (error instanceof Refused) {
          this.#end("transfer_expired");
          return;
        }
        if (!(error instanceof Away)) throw error;
      }
      if (performance.now() - started < PAUSE) await new Promise((wake) => setTimeout(wake, PAUSE / 3));
    }
  }

  /** Show what the transfer has come to; returns whether that is the end of it. */
  async #take(offer, { status, identity, public_key: options, credential_id: credentialId }) {
    if (status === "done") {
      await bind({ token: offer.token, credentialId, rpId: options?.rp.id ?? location.hostname, identity });
      this.#done(identity);
    } else if (ENDS[status]) {
      this.#end(ENDS[status]);
    } else {
      // The status may be told again: what is being done on the screen is left alone.
      if (status === "offered" && this.#shown !== status) this.#offer(offer);
      if (status === "claimed" && this.#shown !== status) this.#ask(offer, identity, options);
      if (status === "proved" && this.#shown !== status) this.#wait(offer, identity);
      return false;
    }
    return true;
  }

  #offer({ picture, code, until }) {
    this.countdown = countdown(t("waiting_for_old"), until);
    this.#picture = URL.createObjectURL(new Blob([picture], { type: "image/svg+xml" }));
    this.#show("offered",
      heading(t("new_phone")),
      el("p", { class: "lead" }, t("new_phone_text")),
      el("div", { class: "qr" }, el("img", { src: this.#picture, alt: t("new_phone_qr") })),
      big(code),
      this.countdown.node,
      actions(button(t("cancel"), () => this.#stop())));
  }

  #ask(offer, identity, options) {
    const fault = faultLine();
    const yes = button(t("yes_me"), () => busily(yes, () => this.#prove(offer, identity, options), (error) => fault.show(explain(error))), { kind: "primary" });
    this.#show("claimed",
      sign("person", "calm"),
      heading(t("is_this_you")),
      identityFacts(identity),
      el("p", {}, t("make_key_text")),
      fault.line,
      actions(yes, button(t("no_not_me"), () => this.#stop(), { kind: "refuse" })));
  }

  async #prove(offer, identity, options) {
    // Made once: when the answer to it got lost, the same one is sent again.
    this.#made ??= await makeKey(options);
    try {
      await call("POST", `/phone/transfers/${offer.id}/credential`, { token: offer.token, body: { credential: this.#made } });
    } catch (error) {
      if (!(error instanceof Refused && error.body.status === "proved")) throw error;
    }
    this.#wait(offer, identity);
  }

  #wait({ code, until }, identity) {
    this.countdown = countdown(t("waiting_for_old"), until);
    this.#show("proved",
      heading(t("type_on_old")),
      big(code),
      el("p", { class: "lead" }, t("type_on_old_text")),
      this.countdown.node,
      whose(identity));
  }

  #done(identity) {
    say(t("paired"));
    this.#show("done",
      sign("tick", "good"),
      heading(t("paired")),
      whose(identity),
      el("p", { class: "lead" }, t("paired_text")),
      actions(button(t("go_on"), () => this.#app.begin(), { kind: "primary" })));
  }

  async #stop() {
    await vault.write("offer", undefined);
    this.#app.begin();
  }

  async #end(reason) {
    await vault.write("offer", undefined);
    this.#show("ended",
      sign("cross", "bad"),
      heading(t(reason)),
      el("p", { class: "lead" }, t(`${reason}_text`)),
      actions(button(t("try_again"), () => this.start(), { kind: "primary" }), button(t("close"), () => this.#app.begin())));
  }
}

const big = (code) => el("p", { class: "number long" },
  el("span", { "aria-hidden": "true" }, code.replace(/(?=(?:...)+$)/g, "\u2009").trim()),
  el("span", { class: "unseen" }, digitByDigit(code)));
