// Organisations that ask this person to work for them: what begins there begins with their yes.

import { membershipChallenge } from "../challenge.js";
import { OtherChange } from "../change.js";
import { asPhone, kept, signed } from "../phone.js";
import { actions, busily, button, el, facts, faultLine, heading, plain, say, sign } from "../view.js";
import { t, upTo } from "../words.js";

export function offers(app) {
  const fault = faultLine();
  const panel = el("div", { class: "panel" }, el("p", { class: "busy" }, t("loading")));
  const show = (...content) => panel.replaceChildren(...content);

  const paint = async () => {
    const { body } = await asPhone("GET", "/phone/membership-offers");
    app.offers = body.offers;
    show(
      heading(body.offers.length ? t("offers") : t("offers_none")),
      el("p", { class: "lead" }, t(body.offers.length ? "offers_text" : "offers_none_text")),
      fault.line,
      el("ul", { class: "cards" }, body.offers.map((offer) => el("li", { class: "sheet offer" }, asked(offer, answer)))),
      body.offers.length ? "" : actions(button(t("close"), () => app.home(), { kind: "primary" })),
    );
  };
  const answer = (offer, pressed, give, title, text) => busily(pressed, async () => {
    fault.show();
    await give(offer);
    app.offers = app.offers.filter(({ id }) => id !== offer.id);
    show(
      sign(...(give === accept ? ["tick", "good"] : ["cross", "calm"])),
      heading(t(title)),
      el("p", { class: "lead" }, t(text, { organisation: plain(offer.details.organisation) })),
      actions(app.offers.length
        ? button(t("go_on"), begin, { kind: "primary" })
        : button(t("close"), () => app.home(), { kind: "primary" })),
    );
    panel.querySelector("h1").focus({ preventScroll: true });
  }, (error) => {
    app.fault(fault)(error);
    // Settled, withdrawn or changed meanwhile: shown is what there is now.
    if (error.status === 404) paint().catch(() => {});
  });
  const begin = async () => {
    try {
      await paint();
    } catch (error) {
      show(heading(t("offers")), fault.line, actions(button(t("try_again"), begin, { kind: "primary" })));
      app.fault(fault)(error);
    }
    panel.querySelector("h1").focus({ preventScroll: true });
    say(panel.querySelector("h1").textContent);
  };
  return { title: t("offers"), content: [panel], begin };
}

/** One offer: all that is shown of it is what is signed, but for the roles' names. */
function asked(offer, answer) {
  const { details } = offer;
  const title = el("h2", { dir: "auto" }, plain(details.organisation));
  const yes = button(t("accept"), () => answer(offer, yes, accept, "offer_accepted", "offer_accepted_text"), { kind: "primary" });
  const no = button(t("decline"), () => answer(offer, no, decline, "offer_declined", "offer_declined_text"));
  return [
    title,
    el("p", {}, t(details.kind === "guest" ? "offer_guest" : "offer_employee")),
    facts([
      [t("ura"), details.ura],
      [t("role"), roles(offer)],
      [t("until"), details.valid_until && upTo(details.valid_until)],
    ]),
    actions(yes, no),
  ];
}

const roles = ({ details, roles: names }) => details.role_codes.split(" ")
  .map((code, at) => (names?.[at] && names[at] !== code ? `${names[at]} (${code})` : code)).join("; ");

async function accept({ id, details }) {
  const { credentialId } = await kept();
  const meant = { offer: id, credential: credentialId, decision: "accept" };
  for (const [name, value] of Object.entries(meant)) if (details[name] !== value) throw new OtherChange(name);
  const assertion = await signed(await membershipChallenge(details));
  await settle(id, { decision: "accept", assertion });
}

const decline = ({ id }) => settle(id, { decision: "decline" });

const settle = (id, body) => asPhone("PUT", `/phone/membership-offers/${id}/answer`, { body });
