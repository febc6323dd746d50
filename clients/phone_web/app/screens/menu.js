// Everything that is not a login request.

import { version } from "../device.js";
import { isInstalled } from "../install.js";
import * as phone from "../phone.js";
import { el, heading, icon, plain } from "../view.js";
import { LANGUAGES, date, language, t } from "../words.js";

export function menu(app) {
  const identity = el("div", { class: "sheet" });
  const tell = async () => {
    const known = await phone.kept();
    const { name, role, organisation, uzi_number: number } = known.identity ?? {};
    identity.replaceChildren(
      el("strong", { dir: "auto" }, plain(name)),
      el("p", { dir: "auto" }, [role, organisation].filter(Boolean).map(plain).join(" · ")),
      el("p", { class: "fine" }, `${t("uzi_number")} ${plain(number)}`),
      known.expiresAt ? el("p", { class: "fine" }, t("key_until", { date: date(known.expiresAt) })) : "",
    );
  };
  tell();
  const entry = (picture, label, screen) => el("li", {}, el("button", { type: "button", class: "card", onclick: () => app.go(screen) },
    icon(picture), el("span", { class: "text" }, label), icon("next")));
  return {
    title: t("menu"),
    learn: tell,
    content: [
      heading(t("menu")),
      identity,
      el("ul", { class: "cards" }, [
        entry("pen", t("type_user_code"), "typeCode"),
        entry("phone", t("phones"), "phones"),
        entry("screen", t("workstations"), "workstations"),
        entry("clock", t("history"), "history"),
        entry("bell", t("notifications"), "notifications"),
        entry("scan", t("add_phone"), "scan"),
        !isInstalled() && entry("home", t("install"), "install"),
        entry("renew", t("renew"), "renew"),
        entry("leave", t("unbind"), "unbind"),
      ]),
      el("fieldset", { class: "choice" }, el("legend", {}, t("language")), Object.entries(LANGUAGES).map(([name, label]) =>
        el("label", { lang: name }, el("input", { type: "radio", name: "language", value: name, checked: name === language(), onchange: () => app.speakTo(name) }), el("span", {}, label)))),
      el("p", { class: "fine" }, t("version", { version: version() })),
    ],
  };
}
