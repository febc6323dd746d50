// How screens are made: elements from values, and texts only ever as text.

import { t } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";

/** Make an element.  `on…` are listeners, `true` is an empty attribute, absent values are left out. */
export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return made;
}

const PATHS = {
  back: "M15 5l-7 7 7 7",
  menu: "M4 7h16M4 12h16M4 17h16",
  next: "M9 5l7 7-7 7",
  tick: "M5 13l4.5 4.5L19 7",
  cross: "M6 6l12 12M18 6L6 18",
  stop: "M12 7v6M12 16.5v.5",
  erase: "M9 6h11v12H9l-6-6zM12.5 9.5l5 5M17.5 9.5l-5 5",
  scan: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M8 8h3v3H8zM13 8h3v3h-3zM8 13h3v3H8zM14 14h2v2",
  phone: "M8 3h8a1 1 0 011 1v16a1 1 0 01-1 1H8a1 1 0 01-1-1V4a1 1 0 011-1zM11 18h2",
  clock: "M12 4a8 8 0 100 16 8 8 0 000-16zM12 8v4l3 2",
  bell: "M6 16V11a6 6 0 0112 0v5l1.5 2h-15zM10 21h4",
  key: "M3 12a4 4 0 108 0 4 4 0 00-8 0M11 12h10M20 12v3.5M16.5 12v2.5",
  flag: "M6 21V4h12l-3 4 3 4H6",
  pen: "M4 20l1-5L16 4l4 4L9 19zM13.5 6.5l4 4",
  home: "M4 11l8-7 8 7M6 10v10h12V10M10 20v-6h4v6",
  person: "M12 4a4 4 0 100 8 4 4 0 000-8zM5 20a7 7 0 0114 0",
  globe: "M12 4a8 8 0 100 16 8 8 0 000-16zM4 12h16M12 4c-5 5-5 11 0 16c5-5 5-11 0-16z",
  away: "M5 5l14 14M8.5 12.5a5 5 0 017 0M5 9a10 10 0 014-2.4M19 9a10 10 0 00-6-2.9M12 17v.5",
  leave: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  renew: "M5 12a7 7 0 0112-5l2 2M19 5v4h-4M19 12a7 7 0 01-12 5l-2-2M5 19v-4h4",
  screen: "M4 5h16v11H4zM9 20h6M12 16v4",
};

/** Draw one of the pictures; a reader is told nothing of it. */
export function icon(name) {
  const picture = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  picture.setAttribute("viewBox", "0 0 24 24");
  picture.setAttribute("aria-hidden", "true");
  picture.setAttribute("class", "icon");
  path.setAttribute("d", PATHS[name]);
  picture.append(path);
  return picture;
}

/** Make a button; `kind` is `primary`, `refuse`, `plain` or `quiet`. */
export const button = (label, onclick, { kind = "plain", picture, ...attributes } = {}) =>
  el("button", { type: "button", class: kind, onclick, ...attributes }, picture && icon(picture), el("span", {}, label));

/** A round sign above a heading: `good`, `bad`, `calm` or `wait`. */
export const sign = (picture, mood) => el("div", { class: `sign ${mood}` }, icon(picture));

export const heading = (text) => el("h1", { tabindex: "-1" }, text);

const UNSHOWN = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Make visible what would turn the direction of a text or hide a part of it. */
export const plain = (text) => (text ?? "").replace(UNSHOWN, "\u25a1");

/** Terms with what they are here; empty ones are left out. */
export const facts = (pairs) => el("dl", { class: "facts" }, pairs.filter(([, value]) => value).map(
  ([term, value]) => el("div", {}, el("dt", {}, term), el("dd", { dir: "auto" }, plain(value))),
));

/** The ways on, at the bottom, where the thumb is. */
export const actions = (...children) => el("div", { class: "actions" }, ...children);

/** Ways on that stand where they are, below what explains them. */
export const waysOn = (...children) => el("div", { class: "actions flow" }, ...children);

/** A group of digits as a reader should hear them: one by one. */
export const digitByDigit = (digits) => [...digits].join(" ");

const live = () => document.getElementById("say");

/** Tell a screen reader; the same words again are told again. */
export function say(text) {
  const line = live();
  line.textContent = line.textContent === text ? `${text}\u00a0` : text;
}

/** Let the phone be felt, where browsers allow it: once its holder has touched the app. */
export const buzz = (...pattern) => { if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(pattern); };

/**
 * Work while the button says so, and take no second press.
 *
 * What goes wrong is for `fails`, by default a line above the button.
 */
export async function busily(pressed, work, fails) {
  if (pressed.getAttribute("aria-busy") === "true") return;
  pressed.setAttribute("aria-busy", "true");
  try {
    await work();
  } catch (error) {
    fails(error);
  } finally {
    pressed.removeAttribute("aria-busy");
  }
}

/** A line for what went wrong, empty until then. */
export function faultLine() {
  const line = el("p", { class: "fault", role: "alert", hidden: true });
  return {
    line,
    show(text) { line.hidden = !text; line.textContent = text ?? ""; },
  };
}

/** m:ss, and for readers in words. */
export const clockFace = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
export const inWords = (seconds) =>
  seconds >= 60 ? t("minutes_left", { count: Math.ceil(seconds / 60) }) : t("seconds_left", { count: seconds });
