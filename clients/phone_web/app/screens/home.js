// Home: nothing is asked, or what is.

import * as phone from "../phone.js";
import { button, el, heading, icon, sign } from "../view.js";
import { t, timeOfDay } from "../words.js";
import { whose } from "./parts.js";

export function home(app) {
  const asked = el("div", { class: "asked" });
  const banners = el("div", { class: "banners" });
  const person = el("div", { class: "person" });

  const paint = (requests) => asked.replaceChildren(...(requests.length ? several(app, requests) : nothing()));
  const learn = async () => {
    const known = await phone.kept();
    person.replaceChildren(whose(known?.identity) || "");
  };
  paint(app.requests);
  learn();
  return {
    title: t("app"),
    content: [banners, asked, person],
    focus: asked.querySelector("h1"),
    aside: button(t("menu"), () => app.go("menu"), { kind: "quiet", picture: "menu" }),
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
    el("strong", { dir: "auto" }, request.client),
    el("span", { dir: "auto" }, [request.workstation, request.location].filter(Boolean).join(" · ") || request.organisation),
    el("span", { class: "fine" }, timeOfDay(request.requested_at))),
  icon("next"));
