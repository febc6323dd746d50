// This is the old phone: it has scanned the new one's code, and vouches for it with its own key.

import { transferChallenge } from "../challenge.js";
import { codeField } from "../code.js";
import { explain } from "../explain.js";
import { asPhone, kept, signed } from "../phone.js";
import { actions, busily, button, el, facts, faultLine, heading, sign } from "../view.js";
import { Away, HELD, Refused } from "../wire.js";
import { t } from "../words.js";

/** What becomes of this phone's own key, by `revoke` of what is signed. */
const ENDINGS = { true: "old_key_ends", false: "old_key_stays" };
const PAUSE = 1_000;
const WRONG = 422;
const ENDS = { done: ["tick", "good", "transfer_done"], refused: ["cross", "bad", "transfer_refused"], expired: ["clock", "wait", "transfer_expired"] };

/** Answer a transfer to a new phone. */
export function transfer(app, { link, via }) {
  // Whoever sent a link may hold the new phone: only what this app's own camera sees is in this hand.
  if (via !== "camera") return scanIt(app);
  const panel = el("div", { class: "panel" }, sign("phone", "wait"), heading(t("claiming")));
  const leaving = new AbortController();
  const steps = new OldPhone(app, panel, link, leaving.signal);
  return {
    title: t("transfer"),
    content: [panel],
    begin: () => steps.claim(),
    leave() { leaving.abort(); steps.code?.leave(); },
  };
}

const scanIt = (app) => ({
  title: t("transfer"),
  content: [
    sign("scan", "wait"),
    heading(t("transfer_scan")),
    el("p", { class: "lead" }, t("transfer_scan_text")),
    actions(button(t("scan"), () => app.replace("scan"), { kind: "primary", picture: "scan" }), button(t("close"), () => app.home())),
  ],
});

class OldPhone {
  code;
  #app;
  #panel;
  #link;
  #signal;
  #shown = "";
  #revoke = "true";

  constructor(app, panel, link, signal) {
    this.#app = app;
    this.#panel = panel;
    this.#link = link;
    this.#signal = signal;
  }

  #show(name, ...content) {
    this.code?.leave();
    this.code = undefined;
    this.#panel.classList.toggle("tight", name === "proved");
    this.#shown = name;
    this.#panel.replaceChildren(...content.filter(Boolean));
    this.#panel.querySelector("h1").focus({ preventScroll: true });
  }

  get #path() {
    return `/phone/transfers/${this.#link.id}`;
  }

  async claim() {
    try {
      await asPhone("POST", `${this.#path}/claim`, { body: { secret: this.#link.secret } });
      await this.#follow();
    } catch (error) {
      if (this.#app.handled(error)) return;
      if (error instanceof Refused) this.#end("expired");
      else this.#fail(error, () => this.claim());
    }
  }

  async #follow() {
    for (let etag; !this.#signal.aborted;) {
      try {
        const answer = await asPhone("GET", this.#path, { wait: etag ? HELD : 0, etag, signal: this.#signal });
        const isFirst = !etag;
        etag = answer.etag ?? undefined;
        if (answer.status === 200 && this.#take(answer.body)) return;
        if (isFirst && etag) continue;
      } catch (error) {
        if (!(error instanceof Away)) throw error;
      }
      await new Promise((wake) => setTimeout(wake, PAUSE));
    }
  }

  /** Show what the transfer has come to; returns whether that is the end of it. */
  #take(told) {
    const { status } = told;
    if (ENDS[status]) {
      if (this.#shown !== "ended") this.#end(status);
      return true;
    }
    if (status === "claimed" && this.#shown !== status) this.#wait(told);
    if (status === "proved" && this.#shown !== status) this.#ask(told);
    return false;
  }

  #wait({ device }) {
    this.#show("claimed",
      heading(t("transfer_title")),
      deviceFacts(device),
      el("p", { class: "lead" }, t("transfer_text")),
      choice(t("old_key"), ENDINGS, this.#revoke, (value) => { this.#revoke = value; }),
      el("p", { class: "busy" }, t("waiting_for_new")),
      actions(this.#refuse()));
  }

  #ask(told) {
    // What is shown is what is signed.
    const shown = Object.freeze({ ...told.device });
    const fault = faultLine();
    const code = codeField(told.code_length, t("code_of_new", { count: told.code_length }), { onenter: () => approve.click(), onchange: () => { fault.show(); code.wrong(false); } });
    const revoke = this.#revoke;
    const approve = button(t("approve"), () => {
      if (!code.isFull()) {
        fault.show(t("code_first", { count: told.code_length }));
        return code.focus();
      }
      return busily(approve, () => this.#approve(told, shown, code.value(), revoke), (error) => {
        if (error.status === WRONG && error.body.attempts_left > 0) {
          code.clear();
          code.wrong(true);
          fault.show(t("wrong_code", { count: error.body.attempts_left }));
        } else if (error.status === WRONG) this.#end("refused");
        else if (error instanceof Refused && ENDS[error.body.status]) this.#end(error.body.status);
        else this.#app.fault(fault)(error);
      });
    }, { kind: "primary" });
    this.#show("proved",
      heading(t("transfer_title")),
      deviceFacts(shown, [t("old_device"), t(ENDINGS[revoke])]),
      el("p", { class: "fine" }, t("transfer_warning")),
      el("div", { class: "typing" }, el("p", { class: "hint" }, t("type_code_new")), fault.line, code.field),
      code.keypad,
      actions(el("div", { class: "pair" }, this.#refuse(), approve)));
    this.code = code;
  }

  async #approve(told, device, code, revoke) {
    const details = {
      transfer: this.#link.id,
      credential: (await kept()).credentialId,
      new_credential: told.new_credential,
      platform: device.platform,
      model: device.model,
      nonce: told.nonce,
      decision: "approve",
      revoke,
      code,
    };
    const assertion = await signed(await transferChallenge(details));
    const body = { decision: "approve", code, revoke: revoke === "true", assertion };
    const give = () => asPhone("PUT", `${this.#path}/answer`, { body });
    if (body.revoke) await this.#app.letGo(give);
    else await give();
    this.#end("done");
  }

  #refuse() {
    const fault = faultLine();
    const pressed = button(t("decline"), () => busily(pressed, async () => {
      await asPhone("PUT", `${this.#path}/answer`, { body: { decision: "deny" } });
      this.#end("refused");
    }, (error) => { pressed.before(fault.line); this.#app.fault(fault)(error); }), { kind: "refuse" });
    return pressed;
  }

  #end(status) {
    const [picture, mood, words] = ENDS[status];
    this.#show("ended",
      sign(picture, mood),
      heading(t(words)),
      el("p", { class: "lead" }, t(`${words}_text`)),
      actions(button(t("close"), () => this.#app.begin(), { kind: "primary" })));
  }

  #fail(error, again) {
    this.#show("",
      sign("away", "wait"),
      heading(t("not_yet")),
      el("p", { class: "lead" }, explain(error)),
      actions(button(t("try_again"), again, { kind: "primary" }), button(t("cancel"), () => this.#app.home())));
  }
}

const PLATFORMS = { ios: "iOS", android: "Android", web: "Web" };

const deviceFacts = (device, ...more) => el("div", { class: "sheet" }, facts([
  [t("new_device"), [device.model, PLATFORMS[device.platform]].filter(Boolean).join(" · ") || t("a_phone")],
  ...more,
]));

/** Radio buttons: `options` are words by value. */
const choice = (legend, options, chosen, onchoice) => el("fieldset", { class: "choice" }, el("legend", {}, legend),
  Object.entries(options).map(([value, words]) => el("label", {},
    el("input", { type: "radio", name: "choice", value, checked: value === chosen, onchange: () => onchoice(value) }),
    el("span", {}, t(words)))));
