// A new key on this phone, before the old one expires: made, then signed for with the old one.

import { renewalChallenge } from "../challenge.js";
import { makeKey, throwAway } from "../passkey.js";
import * as phone from "../phone.js";
import * as vault from "../vault.js";
import { actions, busily, button, el, faultLine, heading, sign } from "../view.js";
import { Away } from "../wire.js";
import { date, t } from "../words.js";

export function renew(app) {
  const fault = faultLine();
  const panel = el("div", { class: "panel" });
  let renewal;
  let made;

  const show = (...content) => {
    panel.replaceChildren(...content);
    panel.querySelector("h1").focus({ preventScroll: true });
  };
  const step = (label, work) => {
    const pressed = button(label, () => { fault.show(); return busily(pressed, work, app.fault(fault)); }, { kind: "primary" });
    return pressed;
  };
  const first = () => [
    sign("renew", "calm"),
    heading(t("renew_title")),
    el("p", { class: "lead" }, t("renew_text")),
    fault.line,
    actions(step(t("renew_make"), make), button(t("cancel"), () => app.back())),
  ];
  // Two presses: phones let a page ask for finger or face once for each.
  const make = async () => {
    renewal ??= (await phone.asPhone("POST", "/phone/renewals", { body: {} })).body;
    made ??= await makeKey(renewal.public_key);
    show(
      sign("key", "calm"),
      heading(t("renew_confirm")),
      el("p", { class: "lead" }, t("renew_confirm_text")),
      fault.line,
      actions(step(t("use_key"), confirm)),
    );
  };
  const confirm = async () => {
    const { credentialId } = await phone.kept();
    const details = { renewal: renewal.id, credential: credentialId, new_credential: made.id, nonce: renewal.nonce };
    const assertion = await phone.signed(await renewalChallenge(details));
    try {
      const { body } = await phone.asPhone("PUT", `/phone/renewals/${renewal.id}`, { body: { credential: made, assertion } });
      await vault.change("phone", (kept) => ({ ...kept, credentialId: body.credential_id, expiresAt: body.expires_at }));
    } catch (error) {
      if (!(error instanceof Away)) throw error;
      // It may have been done: the server says which key counts.
      await phone.refresh();
      if ((await phone.kept()).credentialId !== made.id) throw error;
    }
    const { expiresAt, rpId = location.hostname } = await phone.kept();
    await throwAway(rpId, details.credential);
    show(
      sign("tick", "good"),
      heading(t("renewed")),
      el("p", { class: "lead" }, t("key_until", { date: date(expiresAt) })),
      actions(button(t("close"), () => app.home(), { kind: "primary" })),
    );
  };
  panel.append(...first());
  return { title: t("renew"), content: [panel] };
}
