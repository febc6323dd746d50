// What stands around each screen: the bar, whether the server is away, and a request that waits.

import { button, el, icon } from "./view.js";
import { language, t } from "./words.js";

const main = document.getElementById("main");
const bar = document.getElementById("bar");
const strip = document.getElementById("away");
const news = document.getElementById("news");
const ICON = new URL("../icons/icon.svg", import.meta.url).href;
/** A thumb that was on its way to another button finds none for so long. */
const SETTLING = 500;

/** Put a screen in the middle, and the focus on what it is about. */
export function paint(name, { title, content, focus }) {
  document.title = `${title} · ${t("app")}`;
  main.className = name;
  main.replaceChildren(...content.filter(Boolean));
  window.scrollTo(0, 0);
  (focus ?? main.querySelector("h1"))?.focus({ preventScroll: true });
}

/** Dress the bar: `back` where a way leads back, and what the screen has for its other end. */
export function dressBar(back, aside) {
  bar.replaceChildren(
    back ? button(t("back"), back, { kind: "quiet", picture: "back" })
      : el("p", { class: "brand" }, el("img", { src: ICON, alt: "", width: "28", height: "28" }), t("app")),
    aside,
  );
}

/** A button that speaks the other language. */
export function languageSwitch(onchoice) {
  const other = language() === "nl" ? "en" : "nl";
  return button(t("other_language"), () => onchoice(other), { kind: "quiet", lang: other });
}

/** Say whether the server does not answer. */
export function markAway(isAway) {
  const text = isAway ? t(navigator.onLine ? "away" : "offline") : "";
  strip.hidden = !isAway;
  if (strip.textContent !== text) strip.replaceChildren(...(isAway ? [icon("away"), text] : []));
}

export const isAwayMarked = () => !strip.hidden;

/** Tell above the screen of a request that came meanwhile; `open` leads to it, if there is one. */
export function tellOfNew(open) {
  if (Boolean(open) === news.childElementCount > 0) return;
  news.replaceChildren(...(open ? [
    el("button", { type: "button", class: "card", onclick: open }, icon("bell"), el("span", { class: "text" }, t("new_request")), icon("next")),
  ] : []));
}

/** Take no press for a moment, where a screen came by itself. */
export function settle() {
  document.body.classList.add("settling");
  setTimeout(() => document.body.classList.remove("settling"), SETTLING);
}
