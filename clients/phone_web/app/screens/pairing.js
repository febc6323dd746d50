// Pairing: claim the link, say that it is you, make the key, show the number, wait for the page.

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

const CLOSED = new Set([404, 409, 410]);
const PAUSE = 3_000;

/**
 * Follow a pairing: `link` begins one, `offer` goes on with the one that is kept.
 *
 * What it has reached is kept, so that a phone that throws the page away goes on where it was.
 */
export function pairing(app, { link, offer, known }) {
  const panel = el("div", { class: "panel" });
  const leaving = new AbortController();
  const show = (...content) => {
    panel.replaceChildren(...content.filter(Boolean));
    panel.querySelector("h1")?.focus({ preventScroll: true });
  };
  const steps = new Steps(app, show, leaving.signal);
  return {
    title: t("pairing"),
    content: [panel],
    begin() {
      const isOther = known?.token && link;
      if (isOther) show(...steps.alreadyPaired(known, () => steps.claim(link)));
      else if (offer?.isProved) steps.wait(offer);
      else steps.claim(link ?? offer);
    },
    tick: () => steps.countdown?.tick(),
    leave: () => leaving.abort(),
  };
}

class Steps {
  #app;
  #show;
  #signal;

  constructor(app, show, signal) {
    this.#app = app;
    this.#show = show;
    this.#signal = signal;
  }

  alreadyPaired(known, goOn) {
    return [
      sign("phone", "wait"),
      heading(t("paired_already")),
      whose(known.identity),
      el("p", { class: "lead" }, t("paired_already_text")),
      actions(
        button(t("pair_anew"), goOn, { kind: "primary" }),
        button(t("cancel"), () => this.#app.begin()),
      ),
    ];
  }

  async claim({ id, secret }) {
    this.#show(sign("scan", "wait"), heading(t("claiming")));
    const kept = await vault.read("offer");
    const offer = kept?.id === id ? kept : { kind: "pairing", id, secret, token: drawSecret() };
    await vault.write("offer", offer);
    try {
      const body = { secret, device: await device() };
      const { body: answer } = await call("POST", `/phone/pairings/${id}/scan`, { token: offer.token, body });
      const { identity, check_number: number, public_key: options } = answer;
      this.#ask({ ...offer, identity, number, rpId: options.rp.id, until: secondsOn(answer.expires_in) }, options);
    } catch (error) {
      if (CLOSED.has(error.status)) return this.#end(error.status === 410 ? "pairing_expired" : "link_used");
      this.#retry(error, () => this.claim({ id, secret }));
    }
    return undefined;
  }

  /** Show whose key it will be: making it is the answer. */
  #ask(offer, options) {
    const fault = faultLine();
    const yes = button(t("yes_me"), () => busily(yes, () => this.#make(offer, options), (error) => {
      if (CLOSED.has(error.status)) this.#end(error.status === 410 ? "pairing_expired" : "link_used");
      else fault.show(explain(error));
    }), { kind: "primary" });
    this.#show(
      sign("person", "calm"),
      heading(t("is_this_you")),
      identityFacts(offer.identity),
      el("p", {}, t("make_key_text")),
      fault.line,
      actions(yes, button(t("no_not_me"), () => this.#end("not_you"), { kind: "refuse" })),
    );
  }

  async #make(offer, options) {
    // Made once: when the answer to it got lost, the same one is sent again.
    this.made ??= await makeKey(options);
    try {
      await call("POST", `/phone/pairings/${offer.id}/credential`, { token: offer.token, body: { credential: this.made } });
    } catch (error) {
      if (!(error instanceof Refused && error.body.status === "proved")) {
        if (error instanceof Refused) this.made = undefined;
        throw error;
      }
    }
    const proved = { ...offer, isProved: true };
    await vault.write("offer", proved);
    this.wait(proved);
  }

  /** Show the number big, until the person has typed it at the page. */
  async wait(offer) {
    this.countdown = countdown(t("waiting_for_page"), offer.until);
    this.#show(
      heading(t("type_number")),
      el("p", { class: "number" }, el("span", { "aria-hidden": "true" }, offer.number), el("span", { class: "unseen" }, digitByDigit(offer.number))),
      el("p", { class: "lead" }, t("type_number_text")),
      this.countdown.node,
      whose(offer.identity),
    );
    while (!this.#signal.aborted) {
      const ended = await this.#askPage(offer);
      if (ended === "paired") return;
      if (ended) {
        this.#end(ended);
        return;
      }
    }
  }

  async #askPage(offer) {
    const started = performance.now();
    try {
      const { body } = await call("GET", `/phone/pairings/${offer.id}`, { token: offer.token, wait: HELD, signal: this.#signal });
      if (body.status === "paired") {
        await bind({ ...offer, credentialId: body.credential_id });
        this.#paired(offer);
        return "paired";
      }
      if (body.status === "refused") return "pairing_refused";
      if (body.status === "expired") return "pairing_expired";
    } catch (error) {
      if (error instanceof Refused) return "pairing_expired";
      if (!(error instanceof Away)) throw error;
    }
    if (performance.now() - started < PAUSE) await new Promise((wake) => setTimeout(wake, PAUSE));
    return undefined;
  }

  #paired(offer) {
    say(t("paired"));
    this.#show(
      sign("tick", "good"),
      heading(t("paired")),
      whose(offer.identity),
      el("p", { class: "lead" }, t("paired_text")),
      actions(button(t("go_on"), () => this.#app.begin(), { kind: "primary" })),
    );
  }

  async #end(reason) {
    await vault.write("offer", undefined);
    this.#show(
      sign("cross", "bad"),
      heading(t(reason)),
      el("p", { class: "lead" }, t(`${reason}_text`)),
      actions(button(t("close"), () => this.#app.begin(), { kind: "primary" })),
    );
  }

  #retry(error, again) {
    this.#show(
      sign("away", "wait"),
      heading(t("not_yet")),
      el("p", { class: "lead" }, explain(error)),
      actions(button(t("try_again"), again, { kind: "primary" }), button(t("cancel"), () => this.#end("stopped"))),
    );
  }
}
