// Parts that several screens have.

import { el, facts, plain } from "../view.js";
import { t } from "../words.js";

/** Whose key this is, in two lines. */
export const whose = (identity) => identity?.name && el("p", { class: "whose" },
  el("strong", { dir: "auto" }, plain(identity.name)),
  identity.organisation && el("span", { dir: "auto" }, plain(identity.organisation)));

/** Everything that is known of a person, to be compared. */
export const identityFacts = (identity) => facts([
  [t("name"), identity.name],
  [t("role"), identity.role],
  [t("organisation"), identity.organisation],
  [t("uzi_number"), identity.uzi_number],
]);

/** Where it is asked, for whom and why: what the approval says. */
export const askedFacts = (request) => facts([
  [t("where"), [request.workstation, request.location].filter(Boolean).join(" · ")],
  [t("organisation"), request.organisation],
  [t("message"), request.message],
]);
