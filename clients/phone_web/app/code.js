// A code that is typed with one thumb: boxes, and a keypad of the app's own.
//
// The boxes are painted over a real input, for keyboards and screen readers; it asks for no
// keyboard of the phone, which would cover half of what is being approved.

import { el, icon, say } from "./view.js";
import { t } from "./words.js";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

/**
 * Make a field for `length` digits; `onenter` is called when Enter is pressed.
 *
 * `instead` is a button for the one place of the keypad that has no digit.
 */
export function codeField(length, label, { onenter, onchange, instead } = {}) {
  const boxes = el("div", { class: "boxes", "aria-hidden": "true" }, Array.from({ length }, () => el("span")));
  const input = el("input", {
    type: "text", inputmode: "none", autocomplete: "off", maxlength: length, "aria-label": label,
    spellcheck: "false", enterkeyhint: "done",
  });
  const set = (text) => {
    const before = input.value;
    input.value = text.replace(/\D/g, "").slice(0, length);
    paint();
    if (input.value.length === length && before.length !== length) say(t("all_digits"));
    onchange?.(input.value);
  };
  const paint = () => [...boxes.children].forEach((box, at) => {
    box.textContent = input.value[at] ?? "";
    box.classList.toggle("at", at === input.value.length);
  });
  const type = (digit) => set(input.value + digit);
  const erase = () => set(input.value.slice(0, -1));

  input.addEventListener("input", () => { const typed = input.value; input.value = ""; set(typed); });
  // A keyboard types the code wherever the focus is, unless it is in a field of its own.
  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { target } = event;
    if (target !== input && target.closest?.("input, textarea, select")) return;
    if (/^\d$/.test(event.key) && target !== input) type(event.key);
    else if (event.key === "Backspace" && target !== input) erase();
    else if (event.key === "Enter" && !target.closest?.("button, a, summary")) onenter?.();
    else return;
    event.preventDefault();
  };
  document.addEventListener("keydown", press);
  paint();

  const key = (digit) => el("button", { type: "button", onclick: () => type(digit) }, digit);
  const rubber = el("button", { type: "button", class: "erase", "aria-label": t("erase"), onclick: erase }, icon("erase"));
  return {
    field: el("div", { class: "code" }, input, boxes),
    keypad: el("div", { class: "keypad", role: "group", "aria-label": t("keypad") }, KEYS.map(key), instead ?? el("span"), key("0"), rubber),
    value: () => input.value,
    isFull: () => input.value.length === length,
    clear: () => set(""),
    focus: () => input.focus(),
    wrong(isWrong) { input.toggleAttribute("aria-invalid", isWrong); boxes.classList.toggle("wrong", isWrong); },
    leave: () => document.removeEventListener("keydown", press),
  };
}
