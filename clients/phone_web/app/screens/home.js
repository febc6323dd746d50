// Home: nothing is asked, or what is; and what its holder should know.

import { hasCamera } from "../camera.js";
import { hasSeenPushes } from "../notices.js";
import * as phone from "../phone.js";
import { actions, button, el, heading, icon, plain, sign } from "../view.js";
import { t, timeOfDay } from "../words.js";
import { sentence } from "./notices.js";
import { whose } from "./parts.js";

/** From so many days ahead its holder is asked to renew the key. */
const RENEW_FROM = 60;
const DAY = 24 * 3600;

export function home(app) {
  const asked = el("div", { class: "asked" });
  const banners = el("div", { class: "banners" });
  const person = el("div", { class: "person" });

  const paint = (requests) => {
    const hadFocus = asked.contains(document.activeElement);
    asked.replaceChildren(...(requests.length ? several(app, requests) : nothing()));
    if (hadFocus) asked.querySelector("h1").focus({ preventScroll: true });
  };
  const learn = async () => {
    const known = await phone.kept();
    person.replaceChildren(whose(known?.identity) || "");
    banners.replaceChildren(...bannersOf(app, known, await hasSeenPushes()).filter(Boolean));
  };
  paint(app.requests);
  learn();
  return {
    title: t("app"),
    content: [
      banners,
      asked,
      person,
      hasCamera() && actions(button(t("scan"), () => app.go("scan"), { kind: "primary", picture: "scan" })),
    ],
    aside: button(t("menu"), () => app.go("menu"), { kind: "quiet", picture: "menu" }),
    focus: asked.querySelector("h1"),
    arrive: paint,
    learn,
  };
}

const nothing = () => [
  sign("tick", "calm"),
  heading(t("nothing_asked")),
  el("p", { class: "lead" }, t("nothing_asked_text")),
];

const several = (app, requests) => [
  heading(t("asked", { count: requests.length })),
  el("ul", { class: "cards" }, requests.map((request) => el("li", {}, card(app, request)))),
];

const card = (app, request) => el("button", { type: "button", class: "card", onclick: () => app.openRequest(request) },
  el("span", { class: "text" },
    el("strong", { dir: "auto" }, plain(request.client)),
    el("span", { dir: "auto" }, [request.workstation, request.location].filter(Boolean).map(plain).join(" · ") || plain(request.organisation)),
    el("span", { class: "fine" }, timeOfDay(request.requested_at))),
  icon("next"));

function bannersOf(app, known, hasSeen) {
  const days = known?.expiresAt ? Math.floor((app.secondsUntil(known.expiresAt) ?? Infinity) / DAY) : Infinity;
  // The key's own end has a banner of its own.
  const told = app.notices.filter(({ kind }) => kind !== "expiring");
  const [offer] = app.offers;
  return [
    offer && banner("person", t("offer_banner", { count: app.offers.length, organisation: plain(offer.organisation) }), () => app.go("offers")),
    told.length > 0 && banner("bell", told.length > 1 ? t("notices_count", { count: told.length }) : sentence(told[0]), () => app.go("notices", { notices: told })),
    app.pushes === "off" && !hasSeen && banner("bell", t("push_banner"), () => app.go("notifications")),
    days <= RENEW_FROM && banner("clock", t("renew_banner", { count: days }), () => app.go("renew")),
  ];
}

const banner = (picture, text, onclick) => el("button", { type: "button", class: "card banner", onclick },
  icon(picture), el("span", { class: "text" }, text), icon("next"));
