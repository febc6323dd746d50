// A login request: everything that the approval will say, the code, and both answers.

import { hasCamera } from "../camera.js";
import { approvalChallenge } from "../challenge.js";
import { codeField } from "../code.js";
import { asPhone, signed } from "../phone.js";
import { actions, busily, button, buzz, clockFace, el, faultLine, heading, icon, inWords, plain, say } from "../view.js";
import { Away, Refused } from "../wire.js";
import { t } from "../words.js";
import { askedFacts, roleChoice } from "./parts.js";

const TELL_AT = new Set([30, 10]);
const CONFLICT = 409;
const WRONG = 422;
const PAUSE = 1_500;
const TRIES = 4;

export function request(app, { request: given }) {
  // What is shown is what is signed: this object, which nothing changes any more.
  const shown = Object.freeze({ ...given });
  const fault = faultLine();
  const asks = t(shown.hashes ? "asks_signature" : "asks_login");
  const needsScan = shown.code_length === 0 && !app.scanned.has(shown.id);
  const code = shown.code_length > 0 && codeField(shown.code_length, t("code_label", { count: shown.code_length }), {
    onenter: () => approve.click(),
    onchange: () => { fault.show(); code.wrong(false); },
    instead: hasCamera() ? el("button", { type: "button", class: "erase", "aria-label": t("scan_instead"), onclick: () => app.go("scan") }, icon("scan")) : undefined,
  });
  const role = shown.roles?.length > 1 ? roleChoice(shown.roles) : undefined;
  const left = el("span", { class: "left", role: "timer" });
  const answer = new Answer(app, shown);
  const end = (how, more) => app.replace("ended", { how, request: shown, ...more });

  const refused = (error) => {
    if (error.status === CONFLICT) return end(error.body.status);
    if (error.status === WRONG && error.body.attempts_left === 0) return end("wrong_code");
    if (error.status === WRONG) return missed(error.body.attempts_left);
    return app.fault(fault)(error);
  };
  const missed = (count) => {
    code.clear();
    code.wrong(true);
    fault.show(t("wrong_code", { count }));
    buzz(60, 60, 60);
  };
  const approve = button(t("approve"), () => {
    fault.show();
    if (code && !code.isFull()) {
      fault.show(t("code_first", { count: shown.code_length }));
      return code.focus();
    }
    return busily(approve, async () => { if (await answer.approve(code ? code.value() : "", role?.value())) end("approved"); }, refused);
  }, { kind: "primary" });
  const decline = button(t("decline"), () =>
    busily(decline, async () => { await answer.deny("other"); end("denied"); }, refused), { kind: "refuse" });

  const content = [
    el("div", { class: "asking" },
      el("p", { class: "from" }, asks, left),
      heading(plain(shown.client)),
      askedFacts(shown),
      !needsScan && role?.node),
    needsScan ? scanFirst(app) : code && el("div", { class: "typing" }, el("p", { class: "hint" }, t("type_code")), fault.line, code.field),
    needsScan && fault.line,
    !needsScan && code && code.keypad,
    actions(el("div", { class: "pair" }, decline, needsScan ? "" : approve)),
  ];

  const tick = () => {
    const seconds = app.secondsUntil(shown.expires_at);
    if (seconds === null) return;
    left.textContent = clockFace(seconds);
    left.classList.toggle("soon", seconds <= 30);
    if (TELL_AT.has(seconds)) say(inWords(seconds));
    if (seconds === 0) answer.lookUp().then((status) => { if (status) end(status); });
  };
  return {
    title: asks,
    content,
    aside: button(t("not_me"), () => app.go("notMe", { request: shown }), { kind: "quiet alarm", picture: "flag" }),
    tick,
    begin: tick,
    async arrive(requests) {
      if (requests.some(({ id }) => id === shown.id) || answer.isSent) return;
      const status = await answer.lookUp();
      if (status && !answer.isSent) end(status);
    },
    leave: () => code && code.leave(),
  };
}

const scanFirst = (app) => el("div", { class: "scan-first" },
  icon("scan"),
  el("p", { class: "lead" }, t("scan_workstation")),
  button(t("scan"), () => app.replace("scan"), { kind: "plain", picture: "scan" }));

/** The answer of this phone to one request. */
class Answer {
  isSent = false;
  #app;
  #request;

  constructor(app, request) {
    this.#app = app;
    this.#request = request;
  }

  /** Sign what is shown, in the role that was chosen, and hand it in; returns whether it was taken. */
  async approve(code, role) {
    this.isSent = true;
    try {
      const chosen = role === undefined ? {} : { role_code: role };
      const assertion = await signed(await approvalChallenge({ ...this.#request, ...chosen }, code));
      await this.#send({ decision: "approve", code, ...chosen, assertion });
      return true;
    } catch (error) {
      this.isSent = false;
      throw error;
    }
  }

  async deny(reason) {
    this.isSent = true;
    try {
      await this.#send({ decision: "deny", reason });
    } catch (error) {
      this.isSent = false;
      throw error;
    }
  }

  /** Ask what has become of the request, if it is not open any more. */
  async lookUp() {
    try {
      const { body } = await asPhone("GET", `/phone/auth-requests/${this.#request.id}`);
      return body.status === "pending" ? undefined : body.status;
    } catch (error) {
      if (error instanceof Refused && !this.#app.handled(error)) return "expired";
      return undefined;
    }
  }

  /** The identical answer does no harm: where none came back, it is sent again. */
  async #send(body) {
    for (let tries = 1; ; tries++) {
      try {
        return await asPhone("PUT", `/phone/auth-requests/${this.#request.id}/answer`, { body });
      } catch (error) {
        if (!(error instanceof Away) || tries === TRIES) throw error;
        await new Promise((wake) => setTimeout(wake, PAUSE));
      }
    }
  }
}
