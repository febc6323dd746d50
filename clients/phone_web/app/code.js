// A code that is typed with one thumb: boxes, and a keypad of the app's own.
//
// The boxes are painted over a real input, for keyboards and screen readers; it asks for no
// keyboard of the phone, which would cover half of what is being approved.

import { el, icon, say } from "./view.js";
import { t } from "./words.js";

/** So much may be pasted, with whatever stands between what counts. */
const LONGEST = 40;
/** What a code is made of, and how its keypad is laid out. */
const DIGITS = {
  name: "digits", keys: "123456789", others: /[^0-9]/g, full: "all_digits", keypad: "keypad", erase: "erase",
};
/** The letters of a user code: no vowels, so no words, and nothing that looks alike. */
export const LETTERS = {
  name: "letters", keys: "BCDFGHJKLMNPQRSTVWXZ", others: /[^BCDFGHJKLMNPQRSTVWXZ]/g, full: "all_letters", keypad: "keypad_letters", erase: "erase_letter",
};

/**
 * Make a field for a code of `length`; `onenter` is called when Enter is pressed.
 *
 * `instead` is a button for the one place of the keypad that has no digit.
 */
export function codeField(length, label, { onenter, onchange, instead, kind = DIGITS } = {}) {
  const boxes = el("div", { class: `boxes ${kind.name}`, "aria-hidden": "true" }, Array.from({ length }, () => el("span")));
  const input = el("input", {
    type: "text", inputmode: "none", autocomplete: "off", maxlength: LONGEST, "aria-label": label,
    spellcheck: "false", enterkeyhint: "done",
  });
  const set = (text) => {
    const before = input.value;
    input.value = text.toUpperCase().replace(kind.others, "").slice(0, length);
    paint();
    if (input.value.length === length && before.length !== length) say(t(kind.full));
    onchange?.(input.value);
  };
  const paint = () => [...boxes.children].forEach((box, at) => {
    box.textContent = input.value[at] ?? "";
    box.classList.toggle("at", at === input.value.length);
  });
  const type = (key) => set(input.value + key);
  const erase = () => set(input.value.slice(0, -1));

  input.addEventListener("input", () => { const typed = input.value; input.value = ""; set(typed); });
  // A keyboard types the code wherever the focus is, unless it is in a field of its own.
  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { target } = event;
    if (target !== input && target.closest?.("input, textarea, select")) return;
    if (event.key.length === 1 && !event.key.toUpperCase().match(kind.others) && target !== input) type(event.key);
    else if (event.key === "Backspace" && target !== input) erase();
    else if (event.key === "Enter" && !target.closest?.("button, a, summary")) onenter?.();
    else return;
    event.preventDefault();
  };
  document.addEventListener("keydown", press);
  paint();

  const key = (name) => el("button", { type: "button", onclick: () => type(name) }, name);
  const rubber = el("button", { type: "button", class: "erase", "aria-label": t(kind.erase), onclick: erase }, icon("erase"));
  const last = kind === DIGITS ? [instead ?? el("span"), key("0")] : [];
  return {
    field: el("div", { class: "code" }, input, boxes),
    keypad: el("div", { class: `keypad ${kind.name}`, role: "group", "aria-label": t(kind.keypad) }, [...kind.keys].map(key), last, rubber),
    value: () => input.value,
    isFull: () => input.value.length === length,
    clear: () => set(""),
    focus: () => input.focus(),
    wrong(isWrong) { input.toggleAttribute("aria-invalid", isWrong); boxes.classList.toggle("wrong", isWrong); },
    leave: () => document.removeEventListener("keydown", press),
  };
}
