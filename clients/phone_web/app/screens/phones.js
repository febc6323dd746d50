// This person's phones: which there are, when they were last used, and what can be done with each.

import { makeChange } from "../change.js";
import * as phone from "../phone.js";
import * as push from "../push.js";
import { actions, busily, button, el, facts, faultLine, heading, icon, plain, say, sign } from "../view.js";
import { date, moment, t } from "../words.js";

const STATES = { blocked: "state_blocked", expired: "state_expired" };
const LONGEST_NAME = 100;

const nameOf = ({ device_name, model }) => plain(device_name || model) || t("a_phone");
const lastUse = (of) => [of.last_used_workstation, of.last_used_location].filter(Boolean).join(" · ") || of.last_used_organisation;

const pushes = (of) => {
  const failure = push.failure(of);
  if (failure) return t("push_fails", { moment: moment(failure.moment), code: plain(failure.code) });
  if (!of.push) return t("push_none");
  const last = of.push_health?.last_ok_at;
  return last ? t("push_last", { moment: moment(last) }) : t("push_works");
};

export function phones(app) {
  const fault = faultLine();
  const list = el("ul", { class: "cards" }, el("li", { class: "busy" }, t("loading")));
  return {
    title: t("phones"),
    content: [heading(t("phones")), el("p", { class: "lead" }, t("phones_text")), fault.line, list],
    async begin() {
      try {
        const { body } = await phone.asPhone("GET", "/phone/credentials");
        list.replaceChildren(...body.credentials.map((each) => el("li", {}, card(app, each))));
      } catch (error) {
        list.replaceChildren();
        app.fault(fault)(error);
      }
    },
  };
}

const card = (app, of) => el("button", { type: "button", class: "card", onclick: () => app.go("onePhone", { of }) },
  icon("phone"),
  el("span", { class: "text" },
    el("strong", { dir: "auto" }, nameOf(of)),
    tags(of),
    el("span", { class: "fine" }, of.last_used_at ? t("last_used", { moment: moment(of.last_used_at) }) : t("never_used"))),
  icon("next"));

const tags = (of) => {
  const words = [of.is_this && t("this_phone"), of.is_default && t("default_phone"), STATES[of.status] && t(STATES[of.status])];
  return words.some(Boolean) && el("span", { class: "tags" }, words.filter(Boolean).map((word) => el("span", {}, word)));
};

/** One of them. */
export function onePhone(app, { of }) {
  const fault = faultLine();
  const change = (label, kind, picture) => {
    const pressed = button(label, () => busily(pressed, async () => {
      await makeChange(kind, of);
      say(t("done"));
      app.back();
    }, app.fault(fault)), { picture });
    return pressed;
  };
  const isActive = of.status === "active";
  return {
    title: nameOf(of),
    content: [
      heading(nameOf(of)),
      tags(of),
      el("div", { class: "sheet" }, facts([
        [t("model"), of.model],
        [t("paired_on"), of.bound_at && date(of.bound_at)],
        [t("works_until"), of.expires_at && date(of.expires_at)],
        [t("last_use"), of.last_used_at ? moment(of.last_used_at) : t("never_used")],
        [t("where"), lastUse(of)],
        [t("notifications"), pushes(of)],
      ])),
      fault.line,
      actions(
        button(t("rename"), () => app.go("rename", { of }), { picture: "pen" }),
        isActive && !of.is_default && change(t("make_default"), "default", "tick"),
        isActive && button(t("block"), () => app.go("stopPhone", { of, kind: "block" }), { picture: "stop" }),
        of.is_this ? button(t("unbind"), () => app.go("unbind"), { kind: "plain alarm", picture: "leave" })
          : button(t("revoke"), () => app.go("stopPhone", { of, kind: "revoke" }), { kind: "plain alarm", picture: "leave" }),
      ),
    ],
  };
}

export function rename(app, { of }) {
  const fault = faultLine();
  const input = el("input", { type: "text", class: "field", id: "name", value: of.device_name, maxlength: LONGEST_NAME, autocomplete: "off", enterkeyhint: "done" });
  const save = button(t("save"), () => {
    const name = input.value.trim();
    if (!name) return fault.show(t("name_needed"));
    return busily(save, async () => {
      await makeChange("rename", of, name);
      say(t("done"));
      app.backTo("phones");
    }, app.fault(fault));
  }, { kind: "primary" });
  input.addEventListener("keydown", ({ key }) => { if (key === "Enter") save.click(); });
  return {
    title: t("rename"),
    content: [
      heading(t("rename")),
      el("label", { for: "name" }, t("name_of_phone")),
      input,
      el("p", { class: "fine" }, t("confirm_with_key")),
      fault.line,
      actions(save, button(t("cancel"), () => app.back())),
    ],
  };
}

const STOPS = {
  block: { picture: "stop", title: "block_title", text: "block_text", itself: "block_itself", yes: "block" },
  revoke: { picture: "leave", title: "revoke_title", text: "revoke_text", itself: "revoke_text", yes: "revoke" },
};

/** Block or revoke it, once that is confirmed. */
export function stopPhone(app, { of, kind }) {
  const { picture, title, text, itself, yes } = STOPS[kind];
  const fault = faultLine();
  const go = button(t(yes), () => busily(go, async () => {
    await makeChange(kind, of);
    say(t("done"));
    if (of.is_this) await app.begin();
    else app.backTo("phones");
  }, app.fault(fault)), { kind: "refuse" });
  return {
    title: t(title),
    content: [
      sign(picture, "bad"),
      heading(t(title)),
      el("p", { class: "whose" }, el("strong", { dir: "auto" }, nameOf(of)), el("span", {}, plain(lastUse(of)))),
      el("p", { class: "lead" }, t(of.is_this ? itself : text)),
      fault.line,
      actions(go, button(t("cancel"), () => app.back())),
    ],
  };
}
