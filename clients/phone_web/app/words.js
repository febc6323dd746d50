// What is said, in the language of the phone or the one that its holder chose.

import en from "./words/en.js";
import nl from "./words/nl.js";

const ALL = { nl, en };
export const LANGUAGES = { nl: "Nederlands", en: "English" };
/** How dates are written: the English is Europe's. */
const LOCALES = { nl: "nl-NL", en: "en-GB" };

let chosen = preferred(navigator.languages);

/** Return the first of these languages that is spoken here. */
export function preferred(languages) {
  const spoken = (languages ?? []).map((each) => each.toLowerCase().split("-")[0]);
  return spoken.find((each) => Object.hasOwn(ALL, each)) ?? "en";
}

export const language = () => chosen;

export function speak(name) {
  if (Object.hasOwn(ALL, name)) chosen = name;
  document.documentElement.lang = chosen;
  const manifest = document.querySelector("link[rel=manifest]");
  if (manifest) manifest.href = manifest.href.replace(/\w+(?=\.webmanifest)/, chosen);
}

/** Return what a message says, with values in the place of `{names}`. */
export function t(key, values = {}) {
  let text = ALL[chosen][key];
  if (text === undefined) throw new Error(`no words for ${key}`);
  if (typeof text === "object") text = text[new Intl.PluralRules(chosen).select(values.count)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

export const date = (time) =>
  new Intl.DateTimeFormat(LOCALES[chosen], { dateStyle: "long" }).format(new Date(time));

const A_MOMENT = 1000;
/** The last day of what ends at a moment, so that midnight is the day before. */
export const upTo = (time) => date(new Date(time).getTime() - A_MOMENT);

export const moment = (time) =>
  new Intl.DateTimeFormat(LOCALES[chosen], { dateStyle: "medium", timeStyle: "short" }).format(new Date(time));

export const timeOfDay = (time) =>
  new Intl.DateTimeFormat(LOCALES[chosen], { timeStyle: "short" }).format(new Date(time));
