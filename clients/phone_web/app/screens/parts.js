// Parts that several screens have.

import { serverClock } from "../clock.js";
import { clockFace, el, facts, plain } from "../view.js";
import { t } from "../words.js";

/** Whose key this is, in two lines. */
export const whose = (identity) => identity?.name && el("p", { class: "whose" },
  el("strong", { dir: "auto" }, plain(identity.name)),
  identity.organisation && el("span", { dir: "auto" }, plain(identity.organisation)));

/** How long something is still waited for, by the server's time. */
export function countdown(words, until) {
  const left = el("span", { class: "left", role: "timer" });
  const tick = () => {
    const now = serverClock.now();
    left.textContent = until && now ? clockFace(Math.max(0, Math.ceil((until - now) / 1000))) : "";
  };
  tick();
  return { node: el("p", { class: "busy" }, el("span", {}, words), left), tick };
}

/** The server's time so many seconds from now. */
export const secondsOn = (seconds) => (serverClock.now() ?? 0) + seconds * 1000;

/** Everything that is known of a person, to be compared. */
export const identityFacts = (identity) => facts([
  [t("name"), identity.name],
  [t("role"), identity.role],
  [t("organisation"), identity.organisation],
  [t("uzi_number"), identity.uzi_number],
]);

/** Which role to answer in, where the person has several; the first one until they choose. */
export function roleChoice(roles) {
  let chosen = roles[0].role_code;
  const choose = ({ target }) => { chosen = target.value; };
  const node = el("fieldset", { class: "choice roles" }, el("legend", {}, t("role_choose")), roles.map((each) =>
    el("label", {},
      el("input", { type: "radio", name: "role", value: each.role_code, checked: each.role_code === chosen, onchange: choose }),
      el("span", { dir: "auto" }, plain(each.role), " ", each.role !== each.role_code && el("small", {}, plain(each.role_code))))));
  return { node, value: () => chosen };
}

/** Where it is asked, for whom and why: what the approval says. */
export const askedFacts = (request) => facts([
  [t("where"), [request.workstation, request.location].filter(Boolean).join(" · ")],
  [t("organisation"), request.organisation],
  [t("message"), request.message],
  [t("hashes"), request.hashes],
]);
