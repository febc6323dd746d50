// Notices: what happened to this person's phones, until it was read.

import { dismiss } from "../notices.js";
import { actions, button, el, heading, icon, plain } from "../view.js";
import { moment, t } from "../words.js";

const KINDS = {
  phone_added: ["phone", "notice_added"],
  phone_replaced: ["phone", "notice_replaced"],
  phone_renewed: ["renew", "notice_renewed"],
  phone_blocked: ["stop", "notice_blocked"],
  phone_unblocked: ["tick", "notice_unblocked"],
  phone_revoked: ["stop", "notice_revoked"],
  token_replaced: ["key", "notice_token_replaced"],
  sign_count: ["stop", "notice_sign_count"],
  expiring: ["clock", "notice_expiring"],
  expired: ["clock", "notice_expired"],
};

/** One notice in a sentence. */
export function sentence({ kind, device_name: name, detail }) {
  const [, words] = KINDS[kind] ?? ["", "notice_other"];
  return t(words, { name: plain(name) || t("a_phone"), count: Number(detail) || 0 });
}

const pictureOf = ({ kind }) => KINDS[kind]?.[0] ?? "bell";

export function notices(app, { notices: told }) {
  return {
    title: t("notices"),
    content: [
      heading(t("notices")),
      el("ul", { class: "lines" }, told.map((notice) => el("li", {},
        icon(pictureOf(notice)),
        el("div", { class: "text" }, el("strong", { dir: "auto" }, sentence(notice)), el("span", { class: "fine" }, moment(notice.at)))))),
      el("p", { class: "lead" }, t("notices_text")),
      actions(
        button(t("notices_seen"), async () => { await dismiss(told); app.home(); }, { kind: "primary" }),
        button(t("phones"), () => app.go("phones"), { picture: "phone" }),
      ),
    ],
  };
}
